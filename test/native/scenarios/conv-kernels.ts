import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { flatminDomain } from '../../../src/onnx/domains.js';
import { encodeModel } from '../../../src/onnx/proto.js';
import { DataType, elementCount } from '../../../src/onnx/tensors/tensor.js';
import { RandomStream } from '../../gradcheck/random.js';
import { bufferOf, floatsIn, open } from '../models.js';

/** A convolution over one or two axes. */
export interface ConvCase {
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  readonly group: number;
  readonly bias: boolean;
}

export interface ConvRun {
  readonly isa: string;
  readonly threads: number;
  readonly cases: readonly ConvCase[];
}

const outputSizes = ({ x, w, strides, dilations, pads }: ConvCase): number[] =>
  strides.map((stride, axis) => {
    const padded = x[axis + 2]! + pads[axis]! + pads[axis + strides.length]!;
    return Math.floor((padded - (w[axis + 2]! - 1) * dilations[axis]! - 1) / stride) + 1;
  });

/** Inputs of a case, the same in every process. */
export function inputsOf(each: ConvCase) {
  const stream = new RandomStream(JSON.stringify(each));
  const y = [each.x[0]!, each.w[0]!, ...outputSizes(each)];
  const floats = (dims: readonly number[]) => Float32Array.from(stream.normals(elementCount(dims)));
  return { X: floats(each.x), W: floats(each.w), B: floats([each.w[0]!]), dY: floats(y), y };
}

/** Y, dX and dW of each case by the kernels of an instruction set. */
export async function results({ isa, threads, cases }: ConvRun): Promise<number[][][]> {
  process.env.FLATMIN_ISA = isa;
  const all: number[][][] = [];
  for (const each of cases) all.push(await compute(each, threads));
  return all;
}

async function compute(each: ConvCase, threads: number): Promise<number[][]> {
  const inputs = inputsOf(each);
  const { strides, dilations, pads, group } = each;
  const window = { strides, dilations, pads, group };
  const builder = new GraphBuilder();
  const dims = { X: each.x, W: each.w, ...(each.bias && { B: [each.w[0]!] }), dY: inputs.y };
  for (const [name, shape] of Object.entries(dims)) builder.input(name, 'float', shape);
  const own = (op: string, from: string[], attributes: Record<string, readonly number[]>) =>
    builder.op(op, from, { ...window, ...attributes }, { domain: flatminDomain });
  const outputs = [
    own('Conv', each.bias ? ['X', 'W', 'B'] : ['X', 'W'], {}),
    own('ConvGradInput', ['dY', 'W'], { input_size: each.x.slice(2) }),
    own('ConvGradWeight', ['X', 'dY'], { kernel: each.w.slice(2) }),
  ];
  const shapes = [inputs.y, each.x, each.w];
  for (const name of outputs) builder.output(name, 'float');
  const model = encodeModel(makeModel(builder.graph, { [flatminDomain]: 1 }));
  const session = await open(model, { kernels: true, intraOpThreads: threads });
  const binding = session.createBinding();
  for (const [name, shape] of Object.entries(dims))
    binding.bindInput(name, bufferOf(inputs[name as 'X']), DataType.float, shape);
  const buffers = shapes.map((shape) => bufferOf(new Float32Array(elementCount(shape)).fill(Number.NaN)));
  for (const [i, name] of outputs.entries())
    binding.bindOutput(name, buffers[i]!, DataType.float, shapes[i]!);
  await binding.run();
  const found = buffers.map((buffer) => [...floatsIn(buffer)]);
  binding.dispose();
  session.dispose();
  return found;
}
