import { lower } from '../../lowering/lower.js';
import type { Target } from '../../lowering/targets.js';
import type { AttributeValue } from '../../onnx/attributes.js';
import { emptyGraph, GraphBuilder, makeModel } from '../../onnx/builder.js';
import { flatminDomain } from '../../onnx/domains.js';
import type { ModelProto } from '../../onnx/proto.js';
import { DataType, elementCount } from '../../onnx/tensors/tensor.js';
import type { ValueTypes } from '../../onnx/value-types.js';
import type { Runtime } from '../../ort/library.js';
import type { Device } from '../../vectors/device/device.js';
import { assign, scalar, vector } from '../../vectors/program/expression.js';
import { program } from '../../vectors/program/program.js';
import { fillArbitrarily } from '../arbitrary-numbers.js';
import { repeat, timeModel } from '../time-model.js';

/** What a device can do at its best, measured on it. */
export interface Limits {
  /** By a matrix product or a 1×1 convolution, whichever is faster. */
  readonly flopPerSecond: number;
  /** Of memory, by a triad a ← b + s·c over vectors larger than caches; what a write fetches first is not counted. */
  readonly bytesPerSecond: number;
}

/** The best of two measurements. */
export const bestOf = (a: Limits, b: Limits): Limits => ({
  flopPerSecond: Math.max(a.flopPerSecond, b.flopPerSecond),
  bytesPerSecond: Math.max(a.bytesPerSecond, b.bytesPerSecond),
});

export type ComputeType = 'float' | 'float16' | 'bfloat16';

const triad = program(assign(vector('a'), vector('b').plus(vector('c').times(scalar('s')))));

/** Measures a device, with its threads, for about a second. @param type of the numbers that are multiplied */
export async function measureLimits(
  device: Device,
  runtime: Runtime,
  target: Target,
  type: ComputeType = 'float',
): Promise<Limits> {
  const { needsLargeWork } = device.facts;
  const n = needsLargeWork ? 8192 : 1536;
  const channels = needsLargeWork ? 2048 : 512;
  const product = await rate(device, runtime, productModel(n, type), 2 * n ** 3, false);
  const { model, flop } = convolutionModel(channels, type, target);
  const convolution = await rate(device, runtime, model, flop, target.kernels);
  return {
    flopPerSecond: Math.max(product, convolution),
    bytesPerSecond: await triadRate(device, needsLargeWork ? 2 ** 27 : 2 ** 24),
  };
}

async function rate(
  device: Device,
  runtime: Runtime,
  model: ModelProto,
  flop: number,
  kernels: boolean,
): Promise<number> {
  const times = await timeModel(device, runtime, model, { kernels });
  return flop / Math.min(...times);
}

function oneNode(
  op: string,
  type: ComputeType,
  inputs: Readonly<Record<string, readonly number[]>>,
  output: readonly number[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
): { builder: GraphBuilder; types: ValueTypes } {
  const builder = new GraphBuilder(emptyGraph('limit'));
  for (const [name, dims] of Object.entries(inputs)) builder.input(name, type, dims);
  builder.op(op, Object.keys(inputs), attributes, { outputs: ['y'] });
  builder.output('y', type, output);
  const types: ValueTypes = new Map(
    Object.entries({ ...inputs, y: output }).map(([name, dims]) => [name, { type: DataType[type], dims }]),
  );
  return { builder, types };
}

const productModel = (n: number, type: ComputeType): ModelProto =>
  makeModel(oneNode('MatMul', type, { a: [n, n], b: [n, n] }, [n, n]).builder.graph);

/** In the form that a target gives it; 1×1, where no method needs fewer products. */
function convolutionModel(channels: number, type: ComputeType, target: Target) {
  const image = [16, channels, 16, 16];
  const { builder, types } = oneNode('Conv', type, { x: image, w: [channels, channels, 1, 1] }, image, {
    kernel_shape: [1, 1],
  });
  const domains: Record<string, number> = target.kernels ? { [flatminDomain]: 1 } : {};
  return {
    model: makeModel(lower(builder.graph, types, target), domains),
    flop: 2 * elementCount(image) * channels,
  };
}

async function triadRate(device: Device, count: number): Promise<number> {
  const vectors = Object.fromEntries(['a', 'b', 'c'].map((name) => [name, device.allocate(4 * count)]));
  // Memory that nobody has written to is one page of zeros.
  for (const buffer of Object.values(vectors)) fillArbitrarily(buffer, DataType.float, count);
  const ranges = [{ first: 0, count, scalars: { s: 0.5 } }];
  try {
    const times = await repeat(
      async () => {
        await device.run(triad, vectors, ranges);
        await device.synchronize();
      },
      { seconds: 0.3, runs: 5 },
    );
    return (3 * 4 * count) / Math.min(...times);
  } finally {
    for (const buffer of Object.values(vectors)) buffer.dispose();
  }
}
