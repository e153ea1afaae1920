import test from 'ava';
import { standard, training } from '../../../src/lowering/targets.js';
import {
  convGrad,
  cpuTrainingKernels,
  cudaTrainingKernels,
  opsOfAnyRank,
  opsWithKernels,
} from '../../../src/releases/training-kernels.js';

test('ops of a table, whatever their cases', (t) => {
  const kernels = {
    A: ['float'],
    'A/1-D': ['float'],
    'A/3-D': ['float'],
    B: ['float'],
    'B/1-D': ['float'],
  } as const;
  t.deepEqual([...opsWithKernels({ ...kernels, C: ['double'] })], ['A', 'B', 'C']);
  t.deepEqual([...opsOfAnyRank({ ...kernels, C: ['double'] })], ['A', 'C']);
});

test('pooling of the training build: wrong in part on the CPU, absent on CUDA', (t) => {
  t.true(opsWithKernels(cpuTrainingKernels).has('AveragePoolGrad'));
  t.false(training.ops.has('AveragePoolGrad'));
  t.true(training.ops.has('MaxPoolGrad') && training.ops.has(convGrad));
  t.is(standard.ops.size, 0);
  const lacking = [...opsWithKernels(cpuTrainingKernels)].filter(
    (op) => !opsWithKernels(cudaTrainingKernels).has(op),
  );
  t.deepEqual(lacking.sort(), ['AveragePoolGrad', 'MaxPoolGrad']);
});
