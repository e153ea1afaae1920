import test from 'ava';
import { addon } from '../../src/addon/addon.js';
import type { NativeBinding } from '../../src/addon/types.js';
import { GraphBuilder, makeModel } from '../../src/onnx/builder.js';
import { encodeModel } from '../../src/onnx/proto.js';
import { DataType } from '../../src/onnx/tensors/tensor.js';
import { isolated } from './isolated.js';
import { addition, bindProduct, bufferOf, floatsIn, open, product } from './models.js';

const four = (...values: number[]) => bufferOf(Float32Array.from(values));

async function boundAddition(): Promise<{
  binding: NativeBinding;
  sum: InstanceType<typeof addon.DeviceBuffer>;
}> {
  const binding = (await open(addition(4))).createBinding();
  const sum = new addon.DeviceBuffer(16);
  binding.bindInput('x', four(1, 2, 3, 4), DataType.float, [4]);
  binding.bindInput('y', four(10, 20, 30, 40), DataType.float, [4]);
  binding.bindOutput('sum', sum, DataType.float, [4]);
  return { binding, sum };
}

test('a run reads bound inputs and writes bound outputs in place', async (t) => {
  const { binding, sum } = await boundAddition();
  await binding.run();
  t.deepEqual([...floatsIn(sum)], [11, 22, 33, 44]);
  const x = four(100, 0, 0, 0);
  binding.bindInput('x', x, DataType.float, [4]);
  await binding.run();
  t.deepEqual([...floatsIn(sum)], [110, 20, 30, 40], 'bound anew');
  x.write(Float32Array.of(200));
  await binding.run();
  t.deepEqual([...floatsIn(sum)], [210, 20, 30, 40], 'the same memory, rewritten');
});

test('views are bound as buffers are', async (t) => {
  const { binding, sum } = await boundAddition();
  const arena = bufferOf(Float32Array.from({ length: 64 }, (_, i) => i));
  binding.bindInput('x', arena.view(64, 16), DataType.float, [4]);
  binding.bindOutput('sum', arena.view(128, 16), DataType.float, [4]);
  await binding.run();
  const values = floatsIn(arena);
  t.deepEqual([...values.subarray(32, 36)], [26, 37, 48, 59]);
  t.deepEqual([...values.subarray(28, 32), ...values.subarray(36, 40)], [28, 29, 30, 31, 36, 37, 38, 39]);
  t.deepEqual([...floatsIn(sum)], [0, 0, 0, 0]);
});

test('outputs without a buffer are fetched, in the order they were bound', async (t) => {
  const builder = new GraphBuilder();
  builder.input('x', 'float', ['n']);
  builder.op('Neg', ['x'], {}, { outputs: ['negative'] });
  builder.op('Cast', ['x'], { to: DataType.int64 }, { outputs: ['whole'] });
  builder.output('negative', 'float', ['n']);
  builder.output('whole', 'int64', ['n']);
  const binding = (await open(encodeModel(makeModel(builder.graph)))).createBinding();
  binding.bindOutput('whole');
  binding.bindOutput('negative');
  for (const values of [
    [1, 2],
    [3, 4, 5],
  ]) {
    binding.bindInput('x', four(...values), DataType.float, [values.length]);
    await binding.run();
    const [whole, negative] = binding.fetch();
    t.like(whole, { name: 'whole', type: DataType.int64, dims: [values.length] });
    t.like(negative, { name: 'negative', type: DataType.float, dims: [values.length] });
    t.deepEqual([...new BigInt64Array(whole!.data)].map(Number), values);
    t.deepEqual(
      [...new Float32Array(negative!.data)],
      values.map((value) => -value),
    );
  }
});

test('a bound and an allocated output are fetched together, also when bound anew', async (t) => {
  const { binding, sum } = await boundAddition();
  binding.bindOutput('sum');
  await binding.run();
  t.deepEqual([...floatsIn(sum)], [0, 0, 0, 0]);
  t.deepEqual([...new Float32Array(binding.fetch()[0]!.data)], [11, 22, 33, 44]);
  binding.bindOutput('sum', sum, DataType.float, [4]);
  await binding.run();
  t.is(binding.fetch().length, 1);
  t.deepEqual([...floatsIn(sum)], [11, 22, 33, 44]);
});

test("a binding's configuration holds for its runs, and what ONNX Runtime says of it comes through", async (t) => {
  const session = await open(addition(4));
  const run = async (config?: Record<string, string>) => {
    const binding = session.createBinding(config);
    for (const name of ['x', 'y']) binding.bindInput(name, four(1, 2, 3, 4), DataType.float, [4]);
    binding.bindOutput('sum');
    await binding.run();
    return [...new Float32Array(binding.fetch()[0]!.data)];
  };
  const shrink = (arenas: string) => ({ 'memory.enable_memory_arena_shrinkage': arenas });
  for (const config of [undefined, {}, shrink('cpu:0')]) t.deepEqual(await run(config), [2, 4, 6, 8]);
  await t.throwsAsync(run(shrink('attic')), {
    message: 'Unsupported device specified in the memory arena shrink list: attic',
  });
  for (const config of [5, null, { key: 5 }])
    t.throws(() => session.createBinding(config as unknown as Record<string, string>), {
      message: /the run configuration must be/,
    });
});

test('unknown names are refused', async (t) => {
  const { binding, sum } = await boundAddition();
  t.throws(() => binding.bindInput('z', sum, DataType.float, [4]), { message: /no input named "z"/ });
  t.throws(() => binding.bindInput('sum', sum, DataType.float, [4]), { message: /no input named "sum"/ });
  t.throws(() => binding.bindOutput('x', sum, DataType.float, [4]), { message: /no output named "x"/ });
  t.throws(() => binding.bindOutput('z'), { message: /no output named "z"/ });
  for (const name of [undefined, null, 5])
    t.throws(() => binding.bindInput(name as unknown as string, sum, DataType.float, [4]), {
      message: /name/,
    });
});

test('a buffer too short for its shape is refused', async (t) => {
  const { binding, sum } = await boundAddition();
  const message = /"x" needs 16 bytes, but its buffer has 12/;
  t.throws(() => binding.bindInput('x', four(1, 2, 3), DataType.float, [4]), { message });
  t.throws(() => binding.bindInput('x', sum.view(4, 12), DataType.float, [4]), { message });
  t.throws(() => binding.bindOutput('sum', four(1, 2, 3), DataType.float, [4]), {
    message: /"sum" needs 16/,
  });
  t.throws(() => binding.bindInput('x', sum, DataType.double, [4]), { message: /needs 32 bytes/ });
  t.throws(() => binding.bindInput('x', sum, DataType.float, [2 ** 30, 2 ** 30, 2 ** 30]));
});

test('shapes and types that are none are refused', async (t) => {
  const { binding, sum } = await boundAddition();
  for (const dims of [[-1], [0.5], [Number.NaN], ['4'], [2n], 4, undefined, null, { length: 1 }])
    t.throws(() => binding.bindInput('x', sum, DataType.float, dims as number[]), undefined, String(dims));
  for (const type of [0, -1, 1.5, 65, 8, 14, Number.NaN, undefined, 'float'])
    t.throws(() => binding.bindInput('x', sum, type as number, [4]), undefined, String(type));
  for (const buffer of [undefined, null, {}, new Float32Array(4), new ArrayBuffer(16)])
    t.throws(() => binding.bindInput('x', buffer as never, DataType.float, [4]), undefined, String(buffer));
  sum.dispose();
  t.throws(() => binding.bindInput('x', sum, DataType.float, [4]), { message: /disposed/ });
  await t.notThrowsAsync(binding.run(), 'what was bound before is still bound');
});

test('an input of the wrong type or shape fails the run, and the binding can be mended', async (t) => {
  const { binding, sum } = await boundAddition();
  binding.bindInput('x', four(1, 2, 3, 4), DataType.int32, [4]);
  await t.throwsAsync(binding.run());
  binding.bindInput('x', four(1, 2, 3), DataType.float, [3]);
  await t.throwsAsync(binding.run());
  binding.bindInput('x', four(1, 2, 3, 4), DataType.float, [4]);
  await binding.run();
  t.deepEqual([...floatsIn(sum)], [11, 22, 33, 44]);
});

test('an output of the wrong type or shape is not written to', async (t) => {
  const results = await isolated<Record<string, string>>(t, 'misuse', 'misfitOutputs');
  for (const [name, result] of Object.entries(results)) t.is(result, 'refused', name);
});

test('a run without all inputs, or without any output, is refused', async (t) => {
  const session = await open(addition(4));
  const binding = session.createBinding();
  binding.bindOutput('sum');
  t.throws(() => binding.run(), { message: /input "x" is not bound/ });
  binding.bindInput('x', four(1, 2, 3, 4), DataType.float, [4]);
  t.throws(() => binding.run(), { message: /input "y" is not bound/ });
  const silent = session.createBinding();
  for (const name of ['x', 'y']) silent.bindInput(name, four(1, 2, 3, 4), DataType.float, [4]);
  t.throws(() => silent.run(), { message: /no output/ });
});

test('a binding that runs refuses to run, be bound or be fetched; then it goes on', async (t) => {
  const n = 256;
  const session = await open(product(n, 100));
  const { binding, output } = bindProduct(session, n, new Float32Array(n * n).fill(3));
  const running = binding.run();
  const message = /running/;
  t.throws(() => binding.run(), { message });
  t.throws(() => binding.bindInput('x', output, DataType.float, [n, n]), { message });
  t.throws(() => binding.bindOutput(session.outputs[0]!.name), { message });
  t.throws(() => binding.bindOutput(session.outputs[0]!.name, output, DataType.float, [n, n]), { message });
  t.throws(() => binding.fetch(), { message });
  await running;
  t.true(floatsIn(output).every((value) => value === 3));
  await binding.run();
});

test('a fetch before the first run is refused or empty', async (t) => {
  const said = await isolated<string>(t, 'misuse', 'fetchBeforeRun');
  t.notRegex(said, /^fetched [1-9]/);
});

test('a disposed binding refuses everything', async (t) => {
  const { binding, sum } = await boundAddition();
  binding.dispose();
  binding.dispose();
  t.throws(() => binding.run(), { message: /disposed/ });
  t.throws(() => binding.fetch(), { message: /disposed/ });
  t.throws(() => binding.bindInput('x', sum, DataType.float, [4]), { message: /disposed/ });
  t.throws(() => binding.bindOutput('sum'), { message: /disposed/ });
});

test('a session disguised as a buffer is refused', async (t) => {
  t.deepEqual(await isolated<string[]>(t, 'misuse', 'disguise'), []);
});
