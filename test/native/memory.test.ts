import test from 'ava';
import { isolated } from './isolated.js';

const gc = ['--expose-gc'];

/** The most MB by which resident memory may grow. */
const cases: [title: string, scenario: string, limit: number, flags?: string[]][] = [
  ['200 sessions, made and disposed, leave no memory behind', 'createAndDispose', 50, gc],
  ['disposed buffers give their memory back at once', 'disposedBuffers', 80],
  ['buffers that are dropped are collected before they pile up', 'droppedBuffers', 200],
  ['runs on host tensors leave no memory behind', 'hostRuns', 200],
  ['training sessions, made and disposed, leave no memory behind', 'trainingSessions', 150],
  ['1,000 steps of SGD need no more memory than the first ones', 'sgdSteps', 20],
  ['1,000 steps of SAM need no more memory than the first ones', 'samSteps', 20],
  ["400 steps on flatmin's kernels need no more memory than the first ones", 'kernelSteps', 20],
];

for (const [title, scenario, limit, flags] of cases) {
  test.serial(title, async (t) => {
    const growth = await isolated<number>(t, 'memory', scenario, flags);
    t.log(`${growth.toFixed(1)} MB`);
    t.true(growth < limit, `resident memory grew by ${growth} MB`);
  });
}
