import { mkdir, mkdtemp, readdir, readFile, symlink, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { FlatminError } from '../../../src/errors.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { readModel, writeModel } from '../../../src/onnx/model.js';
import {
  decodeModel,
  encodeModel,
  type Graph,
  type ModelProto,
  type Node,
  type Tensor,
} from '../../../src/onnx/proto.js';
import { makeTensor, tensorData } from '../../../src/onnx/tensors/tensor.js';
import { openRuntime } from '../../../src/ort/library.js';
import { Session } from '../../../src/ort/session.js';
import { field, message, values } from './wire.js';

const large = Float32Array.from({ length: 500 }, (_, i) => i / 3);
const other = Float32Array.from({ length: 400 }, (_, i) => -i);
const small = Float32Array.of(1, 2);

function model(): ModelProto {
  const builder = new GraphBuilder();
  builder.initializer(makeTensor('large', 'float', [500], large));
  builder.initializer(makeTensor('small', 'float', [2], small));
  builder.initializer(makeTensor('other', 'float', [20, 20], other));
  const flat = builder.op('Reshape', ['other', builder.ints([-1])]);
  builder.output(builder.op('Concat', ['large', 'small', flat], { axis: 0 }), 'float', [902]);
  return makeModel(builder.graph);
}

const folder = () => mkdtemp(join(tmpdir(), 'flatmin-external-'));

const dataOf = (read: ModelProto, name: string) =>
  tensorData(read.graph.initializer.find((tensor) => tensor.name === name)!);

test('data inside the model are the default', async (t) => {
  const path = join(await folder(), 'm.onnx');
  await writeModel(model(), path);
  t.deepEqual(await readdir(join(path, '..')), ['m.onnx']);
  t.deepEqual(dataOf(await readModel(path), 'large'), large);
});

test('large tensors go to a file beside the model and come back', async (t) => {
  const path = join(await folder(), 'm.onnx');
  const original = model();
  await writeModel(original, path, { externalData: true });
  t.deepEqual((await readdir(join(path, '..'))).sort(), ['m.onnx', 'm.onnx.data']);
  t.is((await readFile(`${path}.data`)).length, 3600, 'the small tensor stays inside');
  t.true((await readFile(path)).length < 1000);
  const read = await readModel(path);
  t.deepEqual(dataOf(read, 'large'), large);
  t.deepEqual(dataOf(read, 'other'), other);
  t.deepEqual(dataOf(read, 'small'), small);
  t.deepEqual(dataOf(original, 'large'), large, 'the model in memory is as it was');
  await t.notThrowsAsync(Session.create(openRuntime('stock'), read), 'all of it is in memory');
});

test('unknown fields survive external data', async (t) => {
  const path = join(await folder(), 'm.onnx');
  const bytes = message(encodeModel(model()), field(9002, 'kept'));
  await writeModel(decodeModel(bytes, 'm'), path, { externalData: true });
  const written = encodeModel(await readModel(path));
  t.is(new TextDecoder().decode(values(written, 9002)[0] as Uint8Array), 'kept');
});

/** A file whose one tensor, of two floats, refers to data elsewhere. */
async function written(entries: Record<string, string>): Promise<string> {
  const path = join(await folder(), 'm.onnx');
  const tensor = message(
    field(1, 2),
    field(2, 1),
    field(8, 'w'),
    ...Object.entries(entries).map(([key, value]) => field(13, message(field(1, key), field(2, value)))),
    field(14, 1),
  );
  await writeFile(path, message(field(7, message(field(5, tensor)))));
  return path;
}

const content = new Uint8Array(Float32Array.of(9, 1.5, -2, 9).buffer);

test('an offset and a length name a part of the file; both may be left out', async (t) => {
  for (const [entries, expected] of [
    [{ location: 'w.bin' }, [9, 1.5]],
    [{ location: 'w.bin', offset: '4', length: '8' }, [1.5, -2]],
    [{ location: 'w.bin', offset: '8' }, [-2, 9]],
    [{ location: 'deep/w.bin', offset: '4' }, [1.5, -2]],
    [{ location: './w.bin', offset: '0', checksum: 'abc' }, [9, 1.5]],
  ] as [Record<string, string>, number[]][]) {
    const path = await written(entries);
    await mkdir(join(path, '..', 'deep'));
    for (const name of ['w.bin', 'deep/w.bin']) await writeFile(join(path, '..', name), content);
    t.deepEqual([...dataOf(await readModel(path), 'w')], expected, JSON.stringify(entries));
  }
});

const refused: [title: string, entries: Record<string, string>, message: RegExp][] = [
  ['a missing file', { location: 'missing.bin' }, /w has its data in .*missing\.bin, which does not exist/],
  ['no location', { offset: '0' }, /not a path inside the model's folder/],
  ['a file above the folder', { location: '../w.bin' }, /"\.\.\/w\.bin", which is not a path inside/],
  ['a way out and back', { location: 'x/../../w.bin' }, /not a path inside/],
  ['an absolute path', { location: '/etc/passwd' }, /not a path inside/],
  [
    'a part beyond the end',
    { location: 'w.bin', offset: '12' },
    /needs 8 bytes at offset 12 .* has 16 bytes/,
  ],
  ['a length that is not the shape', { location: 'w.bin', length: '4' }, /needs 8 bytes .* the model says 4/],
  ['an offset below 0', { location: 'w.bin', offset: '-4' }, /offset/],
  ['an offset that is no number', { location: 'w.bin', offset: 'four' }, /offset/],
  ['a folder', { location: 'deep' }, /w /],
];
for (const [title, entries, expected] of refused) {
  test(`external data are refused: ${title}`, async (t) => {
    const path = await written(entries);
    await mkdir(join(path, '..', 'deep'));
    await writeFile(join(path, '..', 'w.bin'), content);
    const error = await t.throwsAsync(readModel(path), { instanceOf: FlatminError });
    t.is(error.code, 'INVALID_MODEL');
    t.regex(error.message, expected);
  });
}

test('a data file that was cut short or lost is refused', async (t) => {
  const path = join(await folder(), 'm.onnx');
  await writeModel(model(), path, { externalData: true });
  await truncate(`${path}.data`, 3599);
  await t.throwsAsync(readModel(path), { instanceOf: FlatminError, message: /other needs 1600 bytes/ });
  await unlink(`${path}.data`);
  await t.throwsAsync(readModel(path), { instanceOf: FlatminError, message: /copy it beside the model/ });
});

test('a model that is missing is not found', async (t) => {
  const error = await t.throwsAsync(readModel(join(await folder(), 'no.onnx')), { instanceOf: FlatminError });
  t.is(error.code, 'NOT_FOUND');
  t.regex(error.message, /no\.onnx: there is no such file/);
});

const external = (name: string): Tensor => ({
  name,
  dims: [2],
  dataType: 1,
  dataLocation: 1,
  externalData: [{ key: 'location', value: 'w.bin' }],
});

test('external data of subgraphs, of attributes and of functions are read too', async (t) => {
  const node = (attribute: Node['attribute']): Node => ({ opType: 'If', input: [], output: [], attribute });
  const inner: Graph = { node: [], initializer: [external('inner')], input: [], output: [], valueInfo: [] };
  const built = model();
  built.graph.node.push(
    node([
      { name: 'g', type: 5, g: inner },
      { name: 't', type: 4, t: external('attribute') },
    ]),
    node([{ name: 'graphs', type: 10, graphs: [{ ...inner, initializer: [external('second')] }] }]),
  );
  const constant = {
    ...node([{ name: 'value', type: 4, t: external('of a function') }]),
    opType: 'Constant',
  };
  const own = { name: 'f', domain: 'own', input: [], output: [], attribute: [], attributeProto: [] };
  built.functions = [{ ...own, node: [constant], opsetImport: [] }];
  const path = join(await folder(), 'm.onnx');
  await writeFile(path, encodeModel(built));
  await writeFile(join(path, '..', 'w.bin'), content);
  const read = await readModel(path);
  const [first, second] = read.graph.node.slice(-2);
  for (const tensor of [
    first!.attribute[0]!.g!.initializer[0]!,
    first!.attribute[1]!.t!,
    second!.attribute[0]!.graphs![0]!.initializer[0]!,
    read.functions[0]!.node[0]!.attribute[0]!.t!,
  ])
    t.deepEqual([...tensorData(tensor)], [9, 1.5], tensor.name);
});

test('a link beside the model to a file elsewhere is refused; one inside its folder is not', async (t) => {
  const path = await written({ location: 'w.bin' });
  const secret = join(await folder(), 'secret.bin');
  await writeFile(secret, content);
  await symlink(secret, join(path, '..', 'w.bin'));
  const error = await t.throwsAsync(readModel(path), { instanceOf: FlatminError });
  t.is(error.code, 'INVALID_MODEL');
  t.regex(error.message, /w has its data in .*w\.bin, a link to .*secret\.bin outside the model's folder/);
  await unlink(join(path, '..', 'w.bin'));
  await writeFile(join(path, '..', 'kept.bin'), content);
  await symlink('kept.bin', join(path, '..', 'w.bin'));
  t.deepEqual([...dataOf(await readModel(path), 'w')], [9, 1.5]);
});

test('a folder of links into a store, as caches of model hubs have it, is read', async (t) => {
  const path = await written({ location: 'w.bin' });
  await writeFile(join(path, '..', 'other-name'), content);
  const links = await folder();
  await symlink(path, join(links, 'model.onnx'));
  await symlink(join(path, '..', 'other-name'), join(links, 'w.bin'));
  t.deepEqual([...dataOf(await readModel(join(links, 'model.onnx')), 'w')], [9, 1.5]);
});
