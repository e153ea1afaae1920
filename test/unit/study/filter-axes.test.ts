import test from 'ava';
import { mlp } from '../../../src/models/mlp.js';
import { wideResNet } from '../../../src/models/wide-resnet.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { filterAxes } from '../../../src/study/filter-axes.js';

test('weights of convolutions and of Gemm with transB have their filters in the first axis', (t) => {
  for (const model of [wideResNet({ depth: 10, width: 1 }), mlp({ inputShape: [1, 8, 8], hidden: [8] })]) {
    const axisOf = filterAxes(model);
    for (const { name } of model.graph.initializer) t.is(axisOf(name!), 0, name!);
  }
});

test('weights of MatMul and Gemm without transB have them in columns, of ConvTranspose in the second axis', (t) => {
  const builder = new GraphBuilder();
  builder.input('x', 'float', ['batch', 4]);
  const weight = (name: string, dims: number[]) =>
    builder.initializer(makeTensor(name, 'float', dims, new Float32Array(dims.reduce((a, b) => a * b, 1))));
  const hidden = builder.op('MatMul', ['x', weight('columns', [4, 3])]);
  builder.op('Gemm', [hidden, weight('plain', [3, 2])]);
  builder.op('Gemm', [hidden, weight('transposed', [2, 3])], { transB: 1 });
  builder.op('ConvTranspose', ['image', weight('up', [2, 5, 3, 3])]);
  builder.op('Add', ['x', weight('bias', [4])]);
  const axisOf = filterAxes(makeModel(builder.graph));
  t.deepEqual(['columns', 'plain', 'transposed', 'up', 'bias', 'other'].map(axisOf), [1, 1, 0, 1, 0, 0]);
});
