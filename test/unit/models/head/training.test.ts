import { join } from 'node:path';
import test from 'ava';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { crossEntropy } from '../../../../src/losses/cross-entropy.js';
import { replaceHead } from '../../../../src/models/head/replace-head.js';
import { mlp } from '../../../../src/models/mlp.js';
import { GraphBuilder, makeModel } from '../../../../src/onnx/builder.js';
import { readModel, writeModel } from '../../../../src/onnx/model.js';
import type { ModelProto } from '../../../../src/onnx/proto.js';
import { decodeHalf, encodeFloats } from '../../../../src/onnx/tensors/floats.js';
import { DataType, makeTensor, tensorData } from '../../../../src/onnx/tensors/tensor.js';
import { SGD } from '../../../../src/optim/sgd.js';
import { gradients } from '../../../../src/session/gradients.js';
import { TrainingSession } from '../../../../src/session/session.js';
import { temporaryFolder } from '../../../e2e/run-cli.js';

const [BATCH, FEATURES, CLASSES, LR] = [4, 3, 6, 0.5];

const numbers = (count: number, from: number) => Array.from({ length: count }, (_, i) => Math.sin(from + i));

/** relu(x) behind a softmax over two classes, in some type. */
function classifier(type: 'float' | 'float16'): ModelProto {
  const builder = new GraphBuilder();
  const tensor = (name: string, dims: number[], from: number) =>
    builder.initializer(
      makeTensor(
        name,
        type,
        dims,
        encodeFloats(
          DataType[type],
          numbers(
            dims.reduce((product, dim) => product * dim, 1),
            from,
          ),
        ),
      ),
    );
  const hidden = builder.op('Relu', [builder.input('x', type, ['batch', FEATURES])]);
  const scores = builder.op('MatMul', [hidden, tensor('w', [FEATURES, 2], 1)], {}, { name: 'fc' });
  const logits = builder.op('Add', [scores, tensor('b', [2], 9)]);
  builder.output(builder.op('Softmax', [logits]), type, ['batch', 2]);
  return makeModel(builder.graph);
}

const x = Float32Array.from(numbers(BATCH * FEATURES, 4));
const labels = BigInt64Array.of(5n, 0n, 3n, 5n);

function valuesOf({ graph }: ModelProto, name: string): number[] {
  const tensor = graph.initializer.find((each) => each.name === name)!;
  const data = tensorData(tensor);
  return [
    ...(tensor.dataType === DataType.float16 ? decodeHalf(DataType.float16, data as Uint16Array) : data),
  ].map(Number);
}

/** Loss and gradients of softmax(relu(x)·w + b), by hand: (p − y)/n. */
function byHand(w: readonly number[], b: readonly number[]) {
  let loss = 0;
  const [dw, db] = [new Array<number>(w.length).fill(0), new Array<number>(b.length).fill(0)];
  for (let row = 0; row < BATCH; row++) {
    const h = Array.from({ length: FEATURES }, (_, i) => Math.max(0, x[row * FEATURES + i]!));
    const z = b.map((shift, c) => h.reduce((sum, value, i) => sum + value * w[i * CLASSES + c]!, shift));
    const whole = z.reduce((sum, value) => sum + Math.exp(value), 0);
    const label = Number(labels[row]);
    loss += (Math.log(whole) - z[label]!) / BATCH;
    for (const [c, value] of z.entries()) {
      const d = (Math.exp(value) / whole - (c === label ? 1 : 0)) / BATCH;
      db[c]! += d;
      for (const [i, feature] of h.entries()) dw[i * CLASSES + c]! += d * feature;
    }
  }
  return { loss, dw, db };
}

const isClose = (found: ArrayLike<number>, expected: readonly number[], tolerance: number): boolean =>
  found.length === expected.length &&
  expected.every((value, i) => Math.abs(found[i]! - value) <= tolerance * (1 + Math.abs(value)));

for (const [type, tolerance] of [
  ['float', 1e-6],
  ['float16', 1e-3],
] as const) {
  test(`a new head of type ${type} has the loss, gradients and step of a layer for its classes`, async (t) => {
    const { model } = replaceHead(classifier(type), { classes: CLASSES, seed: 2 });
    const [w, b] = [valuesOf(model, 'w'), valuesOf(model, 'b')];
    const expected = byHand(w, b);

    const found = await gradients(model, { x, labels }, { loss: crossEntropy(), dims: { batch: BATCH } });
    t.true(Math.abs(found.loss - expected.loss) < 1e-5);
    t.true(isClose(found.gradients.get('w')!, expected.dw, 1e-5));
    t.true(isClose(found.gradients.get('b')!, expected.db, 1e-5));

    const path = join(temporaryFolder(t), 'trained.onnx');
    const session = await TrainingSession.create(model, { loss: crossEntropy(), batch: BATCH });
    await session.step({ x, labels }, new SGD({ lr: LR }));
    await session.save(path);
    session.dispose();
    const saved = await readModel(path);
    const moved = w.map((value, i) => value - LR * expected.dw[i]!);
    t.true(isClose(valuesOf(saved, 'w'), moved, tolerance));
    const plain = await InferenceSession.create(path);
    t.deepEqual(
      plain.outputNames,
      model.graph.output.map(({ name }) => name),
    );
    if (type === 'float') {
      const outputs = await plain.run({ x: new Tensor('float32', x, [BATCH, FEATURES]) });
      t.deepEqual(outputs[plain.outputNames[0]!]!.dims, [BATCH, CLASSES]);
    }
  });
}

test('a model with its data beside it, trained from its file, gives a file with the new layer', async (t) => {
  const dir = temporaryFolder(t);
  const [given, out] = [join(dir, 'given.onnx'), join(dir, 'out.onnx')];
  await writeModel(mlp({ inputShape: [FEATURES], hidden: [400], classes: 3 }), given, { externalData: true });
  const { model, parameters } = replaceHead(await readModel(given), { classes: CLASSES });
  t.deepEqual(parameters, ['layer2.weight', 'layer2.bias']);
  await writeModel(model, out, { externalData: true });
  const plain = await InferenceSession.create(out);
  const { logits } = await plain.run({ images: new Tensor('float32', x, [BATCH, FEATURES]) });
  t.deepEqual(logits!.dims, [BATCH, CLASSES]);
});
