import test from 'ava';
import { meanSquaredError } from '../../../src/losses/regression.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { gradients } from '../../../src/session/gradients.js';

/** √w · b · x: the gradient by w at 0 is infinite, times a difference of 0 NaN, the loss finite. */
function root() {
  const builder = new GraphBuilder();
  builder.input('x', 'float', [2, 3]);
  builder.initializer(makeTensor('b', 'float', [3], Float32Array.of(0.5, 0.25, 0.75)));
  builder.initializer(makeTensor('w', 'float', [3], Float32Array.of(0.3, 0, 0.2)));
  const scaled = builder.op('Mul', [builder.op('Mul', ['x', 'b']), builder.op('Sqrt', ['w'])]);
  builder.output(scaled, 'float', [2, 3]);
  return makeModel(builder.graph);
}

test('a gradient that is not finite where the loss is names the first parameter', async (t) => {
  const targets = [new Float32Array(6)];
  const feeds = { x: new Float32Array(6).fill(1) };
  const options = { loss: meanSquaredError(), batch: 2, targets, train: ['b', 'w'] };
  await t.throwsAsync(gradients(root(), feeds, options), {
    code: 'NOT_FINITE',
    message: /^The loss is 0\.\d+, but the gradient of "w" is not finite: its number 2 is (NaN|Infinity)/,
  });
});
