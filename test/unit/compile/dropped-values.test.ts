import test from 'ava';
import { outputLoss } from '../../../src/losses/custom.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { gradients } from '../../../src/session/gradients.js';

/** y = (x·w)⁻¹, beside values that nothing reads, of another shape, with the names that flatmin gives to what it makes of Pow. */
function withUnread(): ReturnType<typeof makeModel> {
  const builder = new GraphBuilder();
  builder.input('x', 'float', [2, 3]);
  const tensor = (name: string, dims: number[], values: number[]) =>
    builder.initializer(makeTensor(name, 'float', dims, Float32Array.from(values)));
  tensor('w', [3], [1, 2, 4]);
  tensor('exponent', [], [-1]);
  tensor('other', [5, 1, 7], Array(35).fill(0.5));
  for (const name of ['Equal', 'Where', 'Sub', 'Pow', 'Mul', 'ReduceSum', 'Cast'])
    builder.op('Tanh', ['other'], {}, { outputs: [`${name}_out`] });
  const product = builder.op('Mul', ['x', 'w'], {}, { outputs: ['product'] });
  builder.output(builder.op('Pow', [product, 'exponent'], {}, { outputs: ['y'] }), 'float', [2, 3]);
  return makeModel(builder.graph);
}

test('values that nothing reads leave their names, and not their types, to new ones', async (t) => {
  const x = { dims: [2, 3], data: new Float32Array(6).fill(1) };
  const found = await gradients(withUnread(), { x }, { loss: outputLoss(), train: ['w'], threads: 1 });
  // ∂/∂w of the mean over six elements of 1/(x·w): two rows of −1/(6w²)
  const expected = [1, 2, 4].map((w) => -2 / (6 * w * w));
  for (const [i, each] of found.gradients.get('w')!.entries()) t.true(Math.abs(each - expected[i]!) < 1e-6);
});
