import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { exportedModels, exportModel } from '../../../scripts/exported-models.js';
import { normals } from '../../../src/addon/random.js';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { wideResNet } from '../../../src/models/wide-resnet.js';
import { decodeModel, encodeModel, type ModelProto } from '../../../src/onnx/proto.js';
import { tensorData, tensorDims } from '../../../src/onnx/tensors/tensor.js';
import { verifyModel } from '../../../src/onnx/verify.js';
import { TrainingSession } from '../../../src/session/session.js';

const folder = new URL('../../../../onnx-models/', import.meta.url).pathname;
const read = (file: string): Promise<Buffer> => readFile(join(folder, file));
const metadata = (model: ModelProto): Map<string, string> =>
  new Map(model.metadataProps.map(({ key, value }) => [key ?? '', value ?? '']));

for (const exported of exportedModels) {
  test(`${exported.file} is what the code writes`, async (t) => {
    const [onDisk, first, second] = [
      await read(exported.file),
      encodeModel(await exportModel(exported)),
      encodeModel(await exportModel(exported)),
    ];
    t.true(onDisk.equals(first), 'npm run models writes other bytes than those in onnx-models/');
    t.true(onDisk.equals(second), 'a second export differs from the first');
  });

  test(`${exported.file} says what goes in and out, and holds no weights`, async (t) => {
    const model = decodeModel(await read(exported.file), exported.file);
    verifyModel(model, exported.file);
    const props = metadata(model);
    t.is(props.get('form'), exported.form);
    t.is(props.get('batch'), String(exported.batch));
    t.regex(model.docString ?? '', /Inputs: .*images, labels.*\nOutputs: the scalar loss/);

    const gradients: Record<string, string> = JSON.parse(props.get('gradients')!);
    const statistics: Record<string, string> = JSON.parse(props.get('statistics')!);
    const weights = new Map(
      wideResNet(exported.forward).graph.initializer.map((tensor) => [tensor.name!, tensorDims(tensor)]),
    );
    t.deepEqual([...Object.keys(gradients), ...Object.keys(statistics)].sort(), [...weights.keys()].sort());
    t.deepEqual(
      model.graph.input.map(({ name }) => name),
      ['images', 'labels', ...Object.keys(gradients), ...Object.keys(statistics)],
    );
    t.deepEqual(
      model.graph.output.map(({ name }) => name),
      [props.get('loss.output'), ...Object.values(gradients), ...Object.values(statistics)],
    );
    const dims = new Map(
      [...model.graph.input, ...model.graph.output].map(({ name, type }) => [
        name,
        type?.tensorType?.shape?.dim?.map(({ dimValue }) => Number(dimValue)),
      ]),
    );
    t.is(dims.get('images')![0], exported.batch);
    for (const [input, output] of Object.entries({ ...gradients, ...statistics })) {
      t.deepEqual(dims.get(input), weights.get(input));
      t.deepEqual(dims.get(output), weights.get(input));
    }
    const constants = model.graph.initializer.map((tensor) => tensorData(tensor).length);
    t.true(Math.max(...constants) <= 8, 'a constant has more elements than a list of pads');
    t.is(new Set(model.graph.node.map(({ name }) => name)).size, model.graph.node.length);
  });

  if (exported.form === 'standard') {
    test(`${exported.file} has operators of the standard alone`, async (t) => {
      const model = decodeModel(await read(exported.file), exported.file);
      t.deepEqual([...new Set(model.graph.node.map(({ domain }) => domain || ''))], ['']);
      t.deepEqual(
        model.opsetImport.map(({ domain, version }) => [domain, Number(version)]),
        [['', 17]],
      );
      t.deepEqual(
        model.graph.node.filter(({ opType }) => opType.endsWith('Grad')),
        [],
      );
    });
  }
}

test('the small standard form gives the gradients of a training session in onnxruntime-node', async (t) => {
  const small = exportedModels.find(({ form, batch }) => form === 'standard' && batch === 8)!;
  const forward = wideResNet(small.forward);
  const file = await read(small.file);
  const props = metadata(decodeModel(file, small.file));
  const batch = {
    images: normals(8 * 64, 1, 0),
    labels: BigInt64Array.from({ length: 8 }, (_, i) => BigInt((3 * i) % 10)),
  };

  const session = await TrainingSession.create(forward, { loss: crossEntropy(), batch: 8, threads: 1 });
  t.teardown(() => session.dispose());
  await session.feed(batch);
  const loss = await (await session.problem().gradient('update')).read();

  const stock = await InferenceSession.create(file, { intraOpNumThreads: 1 });
  t.teardown(() => stock.release());
  const weights = forward.graph.initializer.map((tensor) => [
    tensor.name!,
    new Tensor('float32', tensorData(tensor) as Float32Array, tensorDims(tensor)),
  ]);
  const outputs = await stock.run({
    images: new Tensor('float32', batch.images, [8, 1, 8, 8]),
    labels: new Tensor('int64', batch.labels, [8]),
    ...Object.fromEntries(weights),
  });
  const output = (name: string) => outputs[name]!.data as Float32Array;

  t.true(Math.abs(output(props.get('loss.output')!)[0]! - loss) <= 1e-6 * loss);
  const { arena, gradient } = session.space;
  const compare = (name: string, actual: Float32Array, expected: Float32Array) => {
    const scale = Math.max(...expected.map(Math.abs));
    const error = Math.max(...expected.map((value, i) => Math.abs(value - actual[i]!)));
    t.true(
      scale > 0 && actual.length === expected.length && error <= 1e-5 * scale,
      `${name}: ${error} of ${scale}`,
    );
  };
  for (const [name, out] of Object.entries(JSON.parse(props.get('gradients')!)))
    compare(name, output(out as string), arena.read(gradient, name));
  for (const [name, out] of Object.entries(JSON.parse(props.get('statistics')!)))
    compare(name, output(out as string), session.weight(name));
});
