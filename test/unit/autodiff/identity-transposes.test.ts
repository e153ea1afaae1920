import test from 'ava';
import { prepareModel } from '../../../src/autodiff/prepare/prepare.js';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { makeAttribute } from '../../../src/onnx/attributes.js';
import { emptyGraph, GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import type { ModelProto, Node } from '../../../src/onnx/proto.js';
import { makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { openRuntime } from '../../../src/ort/library.js';
import { gradients } from '../../../src/session/gradients.js';
import { TrainingSession } from '../../../src/session/session.js';
import { runModel } from './run-model.js';

const wave = (count: number, frequency: number) =>
  Float32Array.from({ length: count }, (_, index) => Math.sin(frequency * index + 1));

/** relu(x), the two weights and the logits behind Transposes of two axes: those of `perm`. */
function transposing(perm: readonly number[], by: 'Gemm' | 'MatMul and Add'): ModelProto {
  const builder = new GraphBuilder();
  builder.input('x', 'float', ['N', 4]);
  const weight = (name: string, dims: number[], data: Float32Array) =>
    builder.initializer(makeTensor(name, 'float', dims, data));
  const [w, b] = [weight('w', [4, 4], wave(16, 1.3)), weight('b', [4], wave(4, 2))];
  const turn = (value: string, outputs?: string[]) =>
    builder.op('Transpose', [value], { perm }, outputs ? { outputs } : {});
  const [x, turned] = [turn(builder.op('Relu', ['x'])), turn(w)];
  const h =
    by === 'Gemm'
      ? builder.op('Gemm', [x, turned, b])
      : builder.op('Add', [builder.op('MatMul', [x, turned]), b]);
  builder.output(turn(h, ['y']), 'float', ['N', 4]);
  return makeModel(builder.graph);
}

const batch = { x: wave(16, 0.7), labels: BigInt64Array.of(0n, 3n, 1n, 0n) };

/** Loss and gradients in float64 of softmax cross-entropy on relu(x)·w + b. */
function expected(): { loss: number; w: number[]; b: number[] } {
  const [w, b] = [wave(16, 1.3), wave(4, 2)];
  const result = { loss: 0, w: Array<number>(16).fill(0), b: Array<number>(4).fill(0) };
  for (let row = 0; row < 4; row++) {
    const x = Array.from(batch.x.subarray(4 * row, 4 * row + 4), (value) => Math.max(0, value));
    const logits = Array.from(b, (bias, j) => x.reduce((sum, value, i) => sum + value * w[4 * i + j]!, bias));
    const total = logits.reduce((sum, value) => sum + Math.exp(value), 0);
    const label = Number(batch.labels[row]);
    result.loss += (Math.log(total) - logits[label]!) / 4;
    logits.forEach((logit, j) => {
      const slope = (Math.exp(logit) / total - Number(j === label)) / 4;
      result.b[j]! += slope;
      x.forEach((value, i) => {
        result.w[4 * i + j]! += slope * value;
      });
    });
  }
  return result;
}

const far = (found: ArrayLike<number>, wanted: readonly number[]) =>
  Math.max(...wanted.map((value, index) => Math.abs(value - found[index]!)));

const libraries = ['stock', process.env.FLATMIN_TRAINING_RUNTIME].filter((each) => each !== undefined);
for (const library of libraries) {
  for (const by of ['Gemm', 'MatMul and Add'] as const) {
    test(`${library === 'stock' ? library : 'training build'}: Transposes that move nothing beside ${by}`, async (t) => {
      const options = { loss: crossEntropy(), batch: 4, threads: 1, runtime: openRuntime(library) };
      const model = transposing([0, 1], by);
      const { loss, gradients: found } = await gradients(model, batch, options);
      const { loss: wanted, w, b } = expected();
      t.true(Math.abs(loss - wanted) < 1e-6, `${loss} is not ${wanted}`);
      t.true(far(found.get('w')!, w) < 1e-6, `w: ${found.get('w')}`);
      t.true(far(found.get('b')!, b) < 1e-6, `b: ${found.get('b')}`);
      const session = await TrainingSession.create(model, options);
      const evaluated = (await session.evaluate([batch])).loss;
      session.dispose();
      t.true(Math.abs(evaluated - wanted) < 1e-6, `${evaluated} is not ${wanted}`);
    });
  }
}

test('Transposes that move nothing go, in branches too, and the others stay', async (t) => {
  const turn = (input: string, output: string, perm: number[]): Node => ({
    opType: 'Transpose',
    name: output,
    input: [input],
    output: [output],
    attribute: [makeAttribute('perm', perm)],
  });
  const branch = (name: string, perm: number[]) => ({
    ...emptyGraph(name),
    node: [turn('h', `${name}_out`, perm)],
    output: [{ name: `${name}_out` }],
  });
  const builder = new GraphBuilder();
  builder.input('x', 'float', [2, 2]);
  builder.input('c', 'bool', []);
  builder.graph.node.push(turn('x', 'h', [1, 0]), turn('h', 'same', [0, 1]), {
    opType: 'If',
    name: 'if',
    input: ['c'],
    output: ['chosen'],
    attribute: [
      makeAttribute('then_branch', { graph: branch('then', [0, 1]) }),
      makeAttribute('else_branch', { graph: branch('else', [1, 0]) }),
    ],
  });
  builder.output(builder.op('Add', ['same', 'chosen'], {}, { outputs: ['y'] }), 'float', [2, 2]);
  const given = makeModel(builder.graph);
  const { graph } = prepareModel(given).model;
  const [then, otherwise] = graph.node
    .find(({ opType }) => opType === 'If')!
    .attribute.map(({ g }) => g!.node[0]!.opType);
  t.deepEqual([then, otherwise], ['Identity', 'Transpose']);
  t.deepEqual(
    graph.node.map(({ opType }) => opType),
    ['Transpose', 'Identity', 'If', 'Add'],
  );
  const plain = makeModel({
    ...emptyGraph('plain'),
    input: [given.graph.input[0]!],
    node: [turn('x', 'y', [0, 1])],
    output: given.graph.output,
  });
  const x = { dims: [2, 2], data: [1, 2, 3, 4] };
  t.deepEqual((await runModel(prepareModel(plain).model, { x })).y, [1, 2, 3, 4]);
});
