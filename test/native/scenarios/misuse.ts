import { addon } from '../../../src/addon/addon.js';
import type { DeviceBuffer } from '../../../src/addon/types.js';
import { DataType } from '../../../src/onnx/tensor.js';
import { addition, bufferOf, open } from '../models.js';
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
