import { addon } from '../../src/addon/addon.js';
import type {
  DeviceBuffer,
  NativeBinding,
  NativeSession,
  NativeSessionOptions,
} from '../../src/addon/types.js';
import { GraphBuilder, makeModel } from '../../src/onnx/builder.js';
import { encodeModel } from '../../src/onnx/proto.js';
import { DataType } from '../../src/onnx/tensors/tensor.js';
import { openRuntime } from '../../src/ort/library.js';

export const libraryPath = openRuntime('stock').path;

/** sum = x + y, of n float32 elements each. */
export function addition(n: number): Uint8Array {
  const builder = new GraphBuilder();
  builder.input('x', 'float', [n]);
  builder.input('y', 'float', [n]);
  builder.op('Add', ['x', 'y'], {}, { outputs: ['sum'] });
  builder.output('sum', 'float', [n]);
  return encodeModel(makeModel(builder.graph));
}

/** y = x · m · m · … · m, of n × n matrices: n³ · layers multiplications of work. */
export function product(n: number, layers: number): Uint8Array {
  const builder = new GraphBuilder();
  let y = builder.input('x', 'float', [n, n]);
  builder.input('m', 'float', [n, n]);
  for (let layer = 0; layer < layers; layer++) y = builder.op('MatMul', [y, 'm']);
  builder.output(y, 'float', [n, n]);
  return encodeModel(makeModel(builder.graph));
}

export const open = (model: Uint8Array, options: NativeSessionOptions = {}): Promise<NativeSession> =>
  addon.createSession(libraryPath, model, { intraOpThreads: 1, ...options });

export function bufferOf(values: Float32Array): DeviceBuffer {
  const buffer = new addon.DeviceBuffer(values.byteLength);
  buffer.write(values);
  return buffer;
}

export function floatsIn(buffer: DeviceBuffer): Float32Array {
  const values = new Float32Array(buffer.byteLength / 4);
  buffer.read(values);
  return values;
}

/** n × n matrix that has `value` on its diagonal. */
export function diagonal(n: number, value: number): Float32Array {
  const out = new Float32Array(n * n);
  for (let i = 0; i < n; i++) out[i * (n + 1)] = value;
  return out;
}

/** Binds the inputs x and m of `product`, and its output. The product is x where m is the identity. */
export function bindProduct(
  session: NativeSession,
  n: number,
  x: Float32Array,
): { binding: NativeBinding; output: DeviceBuffer } {
  const binding = session.createBinding();
  const output = new addon.DeviceBuffer(n * n * 4);
  binding.bindInput('x', bufferOf(x), DataType.float, [n, n]);
  binding.bindInput('m', bufferOf(diagonal(n, 1)), DataType.float, [n, n]);
  binding.bindOutput(session.outputs[0]!.name, output, DataType.float, [n, n]);
  return { binding, output };
}
