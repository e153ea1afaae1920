import { existsSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { addon } from '../../src/addon/addon.js';
import { LOCAL_BUILD, prebuilt } from '../../src/addon/load.js';
import { FlatminError } from '../../src/errors.js';
import { GraphBuilder, makeModel } from '../../src/onnx/builder.js';
import { encodeModel } from '../../src/onnx/proto.js';
import { DataType } from '../../src/onnx/tensors/tensor.js';
import { openRuntime } from '../../src/ort/library.js';
import { Session } from '../../src/ort/session.js';
import { packageFile } from '../../src/package-file.js';
import { addition, libraryPath, open } from './models.js';

test('the library says its version and providers', (t) => {
  const { version, providers } = addon.describeLibrary(libraryPath);
  t.regex(version, /^1\.\d+\.\d+/);
  t.true(providers.includes('CPUExecutionProvider'));
});

/** The addon itself: a library, and not ONNX Runtime's. A prebuilt one is tested without a local build. */
const addonFile = [LOCAL_BUILD, prebuilt(`${process.platform}-${process.arch}`)]
  .map(packageFile)
  .find((path) => existsSync(path))!;

test('a library that is missing, no library or another library is refused', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'flatmin-library-'));
  const text = join(folder, 'libonnxruntime.so.1');
  await writeFile(text, 'not a library');
  for (const path of [join(folder, 'missing.so'), text, folder, addonFile, '']) {
    t.throws(() => addon.describeLibrary(path), undefined, path);
    await t.throwsAsync(addon.createSession(path, addition(4)), undefined, path);
  }
  t.throws(() => addon.describeLibrary(addonFile), { message: /no OrtGetApiBase/ });
  const error = t.throws(() => openRuntime(text), { instanceOf: FlatminError });
  t.is(error.code, 'RUNTIME');
  t.true(error.message.includes(text));
  for (const path of [undefined, null, 5, {}]) {
    t.throws(() => addon.describeLibrary(path as unknown as string), {
      message: /libraryPath must be a string/,
    });
    t.throws(() => addon.createSession(path as unknown as string, addition(4)), {
      message: /libraryPath must be a string/,
    });
  }
});

test('bytes that are no model are refused', async (t) => {
  const model = addition(4);
  for (const [name, bytes] of Object.entries({
    nothing: new Uint8Array(0),
    zeros: new Uint8Array(100),
    text: new TextEncoder().encode('not a model, but long enough to be read as one'),
    'half a model': model.slice(0, model.length / 2),
  }))
    await t.throwsAsync(open(bytes), undefined, name);
  for (const value of [undefined, null, 'x', new Float32Array(4), new ArrayBuffer(8)])
    t.throws(() => open(value as unknown as Uint8Array), { message: /Uint8Array/ });
});

test("a graph that ONNX Runtime refuses is an error with ONNX Runtime's words", async (t) => {
  const builder = new GraphBuilder();
  builder.input('x', 'float', [2]);
  builder.output(builder.op('NoSuchOperator', ['x']), 'float', [2]);
  const error = await t.throwsAsync(Session.create(openRuntime('stock'), makeModel(builder.graph)), {
    instanceOf: FlatminError,
  });
  t.is(error.code, 'RUNTIME');
  t.regex(error.message, /NoSuchOperator/);
});

test('inputs and outputs have names, types and shapes; open dimensions keep their names', async (t) => {
  const builder = new GraphBuilder();
  builder.input('x', 'float', ['batch', 3]);
  builder.input('n', 'int64', []);
  const y = builder.op('Cast', ['x'], { to: DataType.double });
  builder.output(y, 'double', ['batch', 3]);
  builder.op('Identity', ['n'], {}, { outputs: ['m'] });
  builder.output('m', 'int64', []);
  const session = await open(encodeModel(makeModel(builder.graph)));
  t.deepEqual(session.inputs, [
    { name: 'x', type: DataType.float, dims: ['batch', 3] },
    { name: 'n', type: DataType.int64, dims: [] },
  ]);
  t.deepEqual(session.outputs, [
    { name: y, type: DataType.double, dims: ['batch', 3] },
    { name: 'm', type: DataType.int64, dims: [] },
  ]);
});

test('options out of range or of another type are refused', async (t) => {
  const refused: unknown[] = [
    null,
    5,
    { intraOpThreads: -1 },
    { intraOpThreads: 1.5 },
    { interOpThreads: Number.NaN },
    { optimizationLevel: 100 },
    { config: 'x' },
    { config: { key: 5 } },
    { providers: 'CUDA' },
    { providers: ['CUDA'] },
    { providers: [{}] },
    { profilePrefix: 5 },
  ];
  for (const options of refused)
    t.throws(
      () => addon.createSession(libraryPath, addition(4), options as object),
      undefined,
      JSON.stringify(options),
    );
  await t.throwsAsync(open(addition(4), { providers: [{ name: 'NoSuchProvider' }] }));
});

test('a disposed session refuses everything', async (t) => {
  const session = await open(addition(4));
  session.dispose();
  session.dispose();
  t.throws(() => session.inputs, { message: /disposed/ });
  t.throws(() => session.outputs, { message: /disposed/ });
  t.throws(() => session.createBinding(), { message: /disposed/ });
  t.throws(() => session.endProfiling(), { message: /disposed/ });
});

test('the model is copied before createSession returns', async (t) => {
  const bytes = addition(4);
  const created = open(bytes);
  bytes.fill(0);
  t.is((await created).inputs.length, 2);
});

test('many sessions are created at once', async (t) => {
  const sessions = await Promise.all(Array.from({ length: 12 }, (_, n) => open(addition(n + 1))));
  t.deepEqual(
    sessions.map(({ inputs }) => inputs[0]!.dims![0]),
    Array.from({ length: 12 }, (_, n) => n + 1),
  );
});

test('Session.run takes and gives host tensors, and names an input that lacks', async (t) => {
  const session = await Session.create(openRuntime('stock'), addition(2));
  const tensor = (...values: number[]) => ({
    type: DataType.float,
    dims: [2],
    data: Float32Array.from(values),
  });
  const outputs = await session.run({ x: tensor(1, 2), y: tensor(10, 20) });
  t.deepEqual(outputs.get('sum'), { type: DataType.float, dims: [2], data: Float32Array.of(11, 22) });
  await t.throwsAsync(session.run({ x: tensor(1, 2) }), { instanceOf: FlatminError, message: /"y"/ });
  session.dispose();
});
