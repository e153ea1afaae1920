import { addon } from '../../../src/addon/addon.js';
import type { DeviceBuffer } from '../../../src/addon/types.js';
import { DataType } from '../../../src/onnx/tensors/tensor.js';
import { RandomStream } from '../../gradcheck/random.js';
import { addition, bufferOf, libraryPath, open } from '../models.js';
import { accepted } from './accepted.js';

/** Objects that only look like the addon's. */
export async function foreignReceivers(): Promise<string[]> {
  const { DeviceBuffer: Buffer, VectorProgram } = addon;
  const session = await open(addition(4));
  const binding = session.createBinding();
  const hollow = Object.create(Buffer.prototype) as DeviceBuffer;
  const borrowed = Object.create(new Buffer(16)) as DeviceBuffer;
  const none = { registers: 0, slots: 1, scalars: 0, accumulators: 0 };
  const program = new VectorProgram(new Uint32Array(0), none);
  const run = (slot: unknown) =>
    program.run([slot as DeviceBuffer], Float64Array.of(0, 1, 0), new Float32Array(0), 1);
  return accepted({
    'view of a plain object': () => Buffer.prototype.view.call({} as DeviceBuffer, 0, 0),
    'view of a hollow object': () => hollow.view(0, 0),
    'read of a session': () => Buffer.prototype.read.call(session as never, new Float32Array(1)),
    'run of a buffer': () => binding.run.call(new Buffer(4) as never),
    'byteLength of a session': () => Reflect.get(Buffer.prototype, 'byteLength', session),
    'byteLength of a hollow object': () => hollow.byteLength,
    'device of a session': () => Reflect.get(Buffer.prototype, 'device', session),
    'inputs of a buffer': () => Reflect.get(Object.getPrototypeOf(session), 'inputs', new Buffer(4)),
    'bindInput of a session': () => binding.bindInput.call(session as never, 'x', new Buffer(16), 1, [4]),
    'a hollow buffer as an input': () => binding.bindInput('x', hollow, DataType.float, [4]),
    'a borrowed prototype as an input': () => binding.bindInput('x', borrowed, DataType.float, [4]),
    'a session as an input': () => binding.bindInput('x', session as never, DataType.float, [4]),
    'a hollow buffer as a slot': () => run(hollow),
    'a session as a slot': () => run(session),
    'nothing as a slot': () => run(undefined),
    'a session from its class': () => new (session.constructor as new () => unknown)(),
    'a binding from its class': () => new (binding.constructor as new () => unknown)(),
  });
}

/** A session disguised as a buffer. */
export async function disguise(): Promise<string[]> {
  const session = await open(addition(4));
  const binding = session.createBinding();
  Object.setPrototypeOf(session, addon.DeviceBuffer.prototype);
  const disguised = session as unknown as DeviceBuffer;
  return accepted({
    read: () => disguised.read(new Float32Array(1)),
    bindInput: () => binding.bindInput('x', disguised, DataType.float, [4]),
  });
}

/** Outputs that ONNX Runtime has not yet allocated. */
export async function fetchBeforeRun(): Promise<string> {
  const session = await open(addition(4));
  const binding = session.createBinding();
  binding.bindOutput('sum');
  try {
    return `fetched ${binding.fetch().length}`;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Output buffers that do not fit what the graph computes: neither more nor less than the bound bytes is written. */
export async function misfitOutputs(): Promise<Record<string, string>> {
  const session = await open(addition(4));
  const results: Record<string, string> = {};
  for (const [name, type, dims] of [
    ['another type', DataType.int32, [4]],
    ['a wider type', DataType.double, [4]],
    ['too short a shape', DataType.float, [2]],
    ['too long a shape', DataType.float, [8]],
    ['another rank', DataType.float, [2, 2]],
    ['a scalar', DataType.float, []],
  ] as const) {
    const binding = session.createBinding();
    binding.bindInput('x', bufferOf(Float32Array.of(1, 2, 3, 4)), DataType.float, [4]);
    binding.bindInput('y', bufferOf(Float32Array.of(1, 2, 3, 4)), DataType.float, [4]);
    const buffer = new addon.DeviceBuffer(4096);
    binding.bindOutput('sum', buffer, type, dims);
    try {
      await binding.run();
      results[name] = 'ran';
    } catch {
      const content = new Uint8Array(4096);
      buffer.read(content);
      results[name] = content.every((byte) => byte === 0) ? 'refused' : 'refused after it wrote';
    }
  }
  return results;
}

const noWork = { registers: 1, slots: 1, scalars: 0, accumulators: 0 };
const nothing = () => new addon.VectorProgram(new Uint32Array(0), noWork);

/** Views at bytes where no element of the type may begin. */
export async function oddViews(): Promise<string[]> {
  const session = await open(addition(4));
  const binding = session.createBinding();
  const buffer = new addon.DeviceBuffer(64);
  const range = Float64Array.of(0, 1, 0);
  return accepted({
    'float32 at 1': () => binding.bindInput('x', buffer.view(1, 16), DataType.float, [4]),
    'float32 at 2': () => binding.bindOutput('sum', buffer.view(2, 16), DataType.float, [4]),
    'float32 in a view of a view': () =>
      binding.bindInput('x', buffer.view(4, 60).view(5, 16), DataType.float, [4]),
    'float16 at 3': () => binding.bindInput('x', buffer.view(3, 8), DataType.float16, [4]),
    'int64 at 4': () => binding.bindInput('x', buffer.view(4, 32), DataType.int64, [4]),
    'double at 12': () => binding.bindInput('x', buffer.view(12, 32), DataType.double, [4]),
    'a slot at 2': () => nothing().run([buffer.view(2, 16)], range, new Float32Array(0), 1),
    'normals at 3': () => addon.fillNormal(buffer.view(3, 16), Float64Array.of(0, 1), 0n, 0n, 1),
  });
}

/** Lists and memory of sizes that cannot be. */
export async function hugeSizes(): Promise<string[]> {
  const session = await open(addition(4));
  const binding = session.createBinding();
  const buffer = new addon.DeviceBuffer(64);
  const most = Number.MAX_SAFE_INTEGER;
  const sizes = { registers: 1, slots: 0, scalars: 1, accumulators: 1 };
  const code = Uint32Array.of(addon.vectorOps.indexOf('FillScalar'), 0, 0, 0);
  return accepted({
    'a buffer': () => new addon.DeviceBuffer(most),
    axes: () => binding.bindInput('x', buffer, DataType.float, new Array(2 ** 32 - 1)),
    'many axes of 1': () => binding.bindInput('x', buffer, DataType.float, new Array(100_000).fill(1)),
    'a shape': () => binding.bindInput('x', buffer, DataType.float, [most, most, 0, most]),
    slots: () => nothing().run(new Array(2 ** 32 - 1), Float64Array.of(0, 1, 0), new Float32Array(0), 1),
    providers: () => open(addition(4), { providers: new Array(2 ** 32 - 1) }),
    'a range': () => nothing().run([buffer], Float64Array.of(most, most, 0), new Float32Array(0), 1),
    'a range of no slots': () =>
      new addon.VectorProgram(code, sizes).run([], Float64Array.of(0, most, 0), new Float32Array(1), 1),
  });
}

/** Arrays whose memory has gone elsewhere. */
export async function detachedArrays(): Promise<string[]> {
  const detached = <T extends Float32Array | Uint32Array | Float64Array | Uint8Array>(array: T): T => {
    structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] });
    return array;
  };
  const buffer = new addon.DeviceBuffer(64);
  return accepted({
    write: () => buffer.write(detached(new Float32Array(4))),
    read: () => buffer.read(detached(new Float32Array(4))),
    normals: () => addon.normals(detached(new Float32Array(4)), 0n, 0n, 0n, 1),
    bits: () => addon.randomBits(detached(new Uint32Array(4)), 0n, 0n, 0n, 1),
    model: () => open(detached(new Uint8Array(addition(4)))),
    scalars: () =>
      new addon.VectorProgram(new Uint32Array(0), { ...noWork, scalars: 1 }).run(
        [buffer],
        Float64Array.of(0, 1, 0),
        detached(new Float32Array(1)),
        1,
      ),
  });
}

/** Calls of everything with anything, `count` of them, drawn by a seed. Returns how many threw. */
export async function anyArguments(count: number, seed = 'misuse'): Promise<number> {
  const session = await open(addition(4));
  const stream = new RandomStream(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(stream.uniform(0, 1) * list.length)]!;
  const bytes = new ArrayBuffer(67);
  const values = () => [
    ...[undefined, null, true, 0, 1, 4, -1, 0.5, 2 ** 31, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY],
    ...[0n, 1n, -1n, 2n ** 64n, '', 'x', 'sum', '\0', Symbol.iterator, () => 1, {}, { slots: 1 }, noWork],
    ...[[], [4], [1, 2], ['x'], [undefined], new Array(5), new Proxy({}, {}), new Proxy([], {}), new Date()],
    ...[new Uint8Array(bytes, 3, 5), new Uint8Array(0), Buffer.from(bytes, 1, 9), new DataView(bytes, 1, 7)],
    ...[new Float32Array(4), new Float64Array(3), new Float64Array(2), Float64Array.of(0, 4, 0)],
    ...[
      new Uint32Array(4),
      new BigInt64Array(1),
      new SharedArrayBuffer(8),
      new Uint8Array(new SharedArrayBuffer(8)),
    ],
    ...[new addon.DeviceBuffer(16), new addon.DeviceBuffer(0), new addon.DeviceBuffer(17).view(1, 16)],
    ...[session, session.createBinding(), nothing(), addon.DeviceBuffer, libraryPath],
  ];
  const functions = () => {
    const binding = session.createBinding();
    const buffer = new addon.DeviceBuffer(64);
    const program = nothing();
    return [addon, buffer, binding, program, session].flatMap((object) => {
      const owner = object === addon ? object : Object.getPrototypeOf(object);
      return Object.getOwnPropertyNames(owner)
        .filter((name) => !(object === session && /dispose|Profiling/.test(name)))
        .map((name) => [object, Object.getOwnPropertyDescriptor(owner, name)?.value] as const)
        .filter(([, value]) => typeof value === 'function');
    });
  };
  let refused = 0;
  for (let call = 0; call < count; call++) {
    const [object, method] = pick(functions());
    const all = values();
    const given = Array.from({ length: Math.floor(stream.uniform(0, 1) * 6) }, () => pick(all));
    try {
      await Reflect.apply(method, stream.uniform(0, 1) < 0.1 ? pick(all) : object, given);
    } catch {
      refused++;
    }
    try {
      const made: unknown = await Reflect.construct(method, given);
      if (made instanceof addon.VectorProgram)
        await made.run([], new Float64Array(0), new Float32Array(0), 1);
    } catch {
      refused++;
    }
  }
  return refused;
}
