import { float } from '../../src/onnx/attributes.js';
import { type Attributes, GraphBuilder, makeModel } from '../../src/onnx/builder.js';
import type { ModelProto } from '../../src/onnx/proto.js';
import { DataType, int64Data, makeTensor } from '../../src/onnx/tensors/tensor.js';
import type { HostTensor } from '../../src/ort/session.js';
import { RandomStream } from '../gradcheck/random.js';

interface Value {
  readonly name: string;
  readonly dims: readonly number[];
}

/** A model whose outputs are all values that nothing reads, and what to feed it. */
export interface RandomGraph {
  readonly model: ModelProto;
  readonly feeds: Record<string, HostTensor>;
  /** The steps, for people. */
  readonly steps: readonly string[];
}

const sizeOf = (dims: readonly number[]) => dims.reduce((product, dim) => product * dim, 1);

/** The shape of two values that broadcast. */
function joined(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  const padded = (dims: readonly number[]) => [...Array<number>(rank - dims.length).fill(1), ...dims];
  const [left, right] = [padded(a), padded(b)];
  return left.map((size, axis) => Math.max(size, right[axis]!));
}

/** Chains of ops of the kinds that graph optimizers look for, on small tensors, many of them square. */
class Random {
  readonly builder = new GraphBuilder();
  readonly feeds: Record<string, HostTensor> = {};
  readonly values: Value[] = [];
  readonly steps: string[] = [];
  private readonly random: RandomStream;

  constructor(
    seed: number,
    readonly opset: number,
  ) {
    this.random = new RandomStream(`graph ${seed}`);
  }

  integer = (from: number, to: number) => from + Math.floor(this.random.uniform(0, 1) * (to - from + 1));
  chance = (share: number) => this.random.uniform(0, 1) < share;
  pick = <T>(list: readonly T[]): T => list[this.integer(0, list.length - 1)]!;
  private numbers = (count: number) =>
    Float32Array.from({ length: count }, () => this.integer(-128, 128) / 64);

  input(dims: readonly number[]): string {
    const name = this.builder.input(this.builder.fresh('input'), 'float', dims);
    this.feeds[name] = { type: DataType.float, dims, data: this.numbers(sizeOf(dims)) };
    return name;
  }

  constant(dims: readonly number[], data = this.numbers(sizeOf(dims))): string {
    return this.builder.initializer(makeTensor(this.builder.fresh('constant'), 'float', dims, data));
  }

  filled = (dims: readonly number[], value: number) =>
    this.constant(dims, new Float32Array(sizeOf(dims)).fill(value));
  operand = (dims: readonly number[]) => (this.chance(0.5) ? this.constant(dims) : this.input(dims));
  ints = (values: readonly number[]) =>
    this.builder.initializer(
      makeTensor(this.builder.fresh('ints'), 'int64', [values.length], int64Data(values)),
    );
  op = (opType: string, inputs: readonly string[], attributes: Attributes = {}) =>
    this.builder.op(opType, inputs, attributes);
  either = (a: string, b: string) => (this.chance(0.5) ? [a, b] : [b, a]);

  reduce(opType: string, value: string, axes: readonly number[], keepdims = 1): string {
    return this.opset >= 18 || opType === 'ReduceSum'
      ? this.op(opType, [value, this.ints(axes)], { keepdims })
      : this.op(opType, [value], { axes, keepdims });
  }

  /** A shape that broadcasts to this one, or beyond it. */
  part(dims: readonly number[]): number[] {
    if (this.chance(0.1)) return [1, ...dims.map(() => 1)];
    const part = dims.map((size) => (this.chance(0.4) ? 1 : size));
    return this.chance(0.5) ? part.slice(this.integer(0, dims.length)) : part;
  }
}

type Step = (r: Random, x: string, dims: readonly number[]) => Value | undefined;

const steps: Readonly<Record<string, Step>> = {
  transpose(r, x, dims) {
    const perm = dims.map((_, axis) => axis);
    for (let axis = perm.length - 1; axis > 0; axis--) {
      const other = r.integer(0, axis);
      [perm[axis], perm[other]] = [perm[other]!, perm[axis]!];
    }
    // One that moves nothing is taken out before (see dropIdentityTransposes).
    if (perm.every((axis, position) => axis === position)) return undefined;
    return { name: r.op('Transpose', [x], { perm }), dims: perm.map((axis) => dims[axis]!) };
  },
  unary(r, x, dims) {
    const ops = ['Relu', 'Sigmoid', 'Tanh', 'Neg', 'Abs', 'Erf', 'Identity', 'LeakyRelu', 'HardSigmoid'];
    return { name: r.op(r.pick(ops), [x]), dims };
  },
  binary(r, x, dims) {
    const fits = (value: Value) =>
      value.dims.length <= dims.length &&
      value.dims.every((size, axis) => [1, dims[dims.length - value.dims.length + axis]].includes(size));
    const other = r.pick(r.values.filter(fits));
    return { name: r.op(r.pick(['Add', 'Sub', 'Mul', 'Max']), r.either(x, other.name)), dims };
  },
  broadcast(r, x, dims) {
    const part = r.part(dims);
    return {
      name: r.op(r.pick(['Add', 'Sub', 'Mul']), r.either(x, r.operand(part))),
      dims: joined(dims, part),
    };
  },
  neutral(r, x, dims) {
    const opType = r.pick(['Add', 'Sub', 'Mul', 'Div']);
    const part = r.part(dims);
    const value = r.filled(part, opType === 'Add' || opType === 'Sub' ? 0 : 1);
    const inputs = opType === 'Div' ? [x, value] : r.either(x, value);
    return { name: r.op(opType, inputs), dims: joined(dims, part) };
  },
  reciprocal(r, x, dims) {
    const one = r.pick([[], [1], [1, 1, 1, 1, 1]]);
    const positive = r.op('Add', [r.op('Abs', [x]), r.filled([], 1)]);
    const inverse = r.op('Div', [r.filled(one, 1), positive]);
    return { name: r.op('Mul', r.either(inverse, x)), dims: joined(one, dims) };
  },
  reshape(r, x, dims) {
    const shape = r.pick([
      [sizeOf(dims)],
      [1, sizeOf(dims)],
      [dims[0]!, sizeOf(dims) / dims[0]!],
      [...dims, 1],
    ]);
    return { name: r.op('Reshape', [x, r.ints(shape)]), dims: shape };
  },
  reduction(r, x, dims) {
    const axis = r.integer(0, dims.length - 1);
    const opType = r.pick(['ReduceMean', 'ReduceSum', 'ReduceMax', 'ReduceL2']);
    return { name: r.reduce(opType, x, [axis]), dims: dims.map((size, at) => (at === axis ? 1 : size)) };
  },
  softmax: (r, x, dims) => ({
    name: r.op(r.pick(['Softmax', 'LogSoftmax']), [x], { axis: r.integer(0, dims.length - 1) }),
    dims,
  }),
  clip(r, x, dims) {
    const bounds = r
      .pick([
        [-1, 0.5],
        [0, 1],
        [0.25, 2],
      ])
      .map((bound) => r.filled([], bound));
    const clipped = r.op('Clip', [r.op('Relu', [x]), ...bounds]);
    return { name: r.chance(0.3) ? r.op('Relu', [clipped]) : clipped, dims };
  },
  slice(r, x, dims) {
    const axis = r.integer(0, dims.length - 1);
    const [start, size] = [r.integer(0, dims[axis]! - 1), dims[axis]!];
    const inputs = [x, r.ints([start]), r.ints([size]), r.ints([r.chance(0.5) ? axis : axis - dims.length])];
    return { name: r.op('Slice', inputs), dims: dims.map((each, at) => (at === axis ? size - start : each)) };
  },
  gather(r, x, dims) {
    const axis = r.integer(0, dims.length - 1);
    const one = (index: number) => {
      const scalar = r.builder.initializer(
        makeTensor(r.builder.fresh('index'), 'int64', [], int64Data([index])),
      );
      return r.op('Gather', [x, scalar], { axis });
    };
    return { name: r.op('Sub', [one(0), one(-1)]), dims: dims.filter((_, at) => at !== axis) };
  },
  normalisation(r, x, dims) {
    const axes = r.chance(0.7) || dims.length < 2 ? [-1] : [-2, -1];
    const centred = r.chance(0.6) ? r.op('Sub', [x, r.reduce('ReduceMean', x, axes)]) : x;
    const variance = r.reduce('ReduceMean', r.op('Pow', [centred, r.filled([], 2)]), axes);
    const deviation = r.op('Sqrt', [r.op('Add', [variance, r.filled([], 2 ** -10)])]);
    const [scale, bias] = [r.chance(0.7) ? dims.slice(-1) : r.part(dims), r.part(dims)];
    const scaled = r.op('Mul', r.either(r.op('Div', [centred, deviation]), r.operand(scale)));
    return { name: r.op('Add', [scaled, r.operand(bias)]), dims: joined(joined(dims, scale), bias) };
  },
  gelu(r, x, dims) {
    const bias = r.part(dims);
    const sum = r.op('Add', [x, r.operand(bias)]);
    const error = r.op('Erf', [r.op('Div', [sum, r.filled([], Math.SQRT2)])]);
    const product = r.op('Mul', [sum, r.op('Add', [error, r.filled([], 1)])]);
    return { name: r.op('Mul', [product, r.filled([], 0.5)]), dims: joined(dims, bias) };
  },
  cast: (r, x, dims) => ({
    name: r.op(
      'Cast',
      [r.op('Cast', [x], { to: r.pick([DataType.int64, DataType.double, DataType.bool]) })],
      {
        to: DataType.float,
      },
    ),
    dims,
  }),
  expand(r, x, dims) {
    const shape = dims.map((size) => (size === 1 ? r.pick([1, 3]) : size));
    return { name: r.op('Expand', [x, r.ints(shape)]), dims: shape };
  },
  product(r, x, dims) {
    if (dims.length < 2) return undefined;
    const columns = r.pick([2, 3, 4, 4]);
    const inner = dims.at(-1)!;
    const weight = r.chance(0.4)
      ? r.op('Transpose', [r.operand([columns, inner])], { perm: [1, 0] })
      : r.operand([inner, columns]);
    const scaled = r.chance(0.3) ? r.op(r.pick(['Mul', 'Div']), [x, r.filled(r.pick([[], [1]]), 0.5)]) : x;
    const result = [...dims.slice(0, -1), columns];
    const bias = r.part(result);
    const sum = r.op('Add', r.either(r.op('MatMul', [scaled, weight]), r.operand(bias)));
    return { name: sum, dims: joined(result, bias) };
  },
  gemm(r, x, dims) {
    if (dims.length !== 2) return undefined;
    const [transA, transB, columns] = [r.integer(0, 1), r.integer(0, 1), r.pick([2, 3, 4, 4])];
    const [rows, inner] = transA ? [dims[1]!, dims[0]!] : [dims[0]!, dims[1]!];
    const weight = r.operand(transB ? [columns, inner] : [inner, columns]);
    const bias = r.operand(r.pick([[columns], [rows, columns], [rows, 1], []]));
    const y = r.op('Gemm', [x, weight, bias], { transA, transB, alpha: float(r.pick([1, 0.5])) });
    return { name: r.chance(0.3) ? r.op('Relu', [y]) : y, dims: [rows, columns] };
  },
  convolution(r, x, dims) {
    if (dims.length !== 4) return undefined;
    const [batch, channels, height, width] = dims as [number, number, number, number];
    const group = channels % 2 === 0 && r.chance(0.3) ? 2 : 1;
    const weight = r.operand([4, channels / group, 2, 2]);
    const y = r.op('Conv', [x, weight], { group, pads: [1, 0, 0, 1] });
    const result = [batch, 4, height, width];
    const part = r.chance(0.5) ? [4, 1, 1] : r.part(result);
    const sum = r.op(r.pick(['Add', 'Mul']), r.either(y, r.operand(part)));
    return { name: r.chance(0.5) ? r.op('Relu', [sum]) : sum, dims: joined(result, part) };
  },
  'padded window'(r, x, dims) {
    if (dims.length !== 4) return undefined;
    const [batch, channels, height, width] = dims as [number, number, number, number];
    const inputs = [x, r.ints([0, 0, 1, 0, 0, 0, 0, 1])];
    const padded = r.op('Pad', r.chance(0.5) ? inputs : [...inputs, r.filled([], r.pick([0, 0.5]))]);
    const result = [batch, channels, height, width];
    const kind = r.pick(['MaxPool', 'AveragePool', 'Conv']);
    if (kind === 'Conv')
      return {
        name: r.op('Conv', [padded, r.operand([3, channels, 2, 2])]),
        dims: [batch, 3, height, width],
      };
    return { name: r.op(kind, [padded], { kernel_shape: [2, 2] }), dims: result };
  },
  'batch normalisation'(r, x, dims) {
    if (dims.length !== 4) return undefined;
    const channels = dims[1]!;
    const [scale, bias, mean] = [0, 1, 2].map(() => r.operand([channels]));
    return { name: r.op('BatchNormalization', [x, scale!, bias!, mean!, r.filled([channels], 1.5)]), dims };
  },
};

/** The graph of a seed: the same for the same seed. */
export function randomGraph(seed: number): RandomGraph {
  const opset = [17, 18, 21][seed % 3]!;
  const r = new Random(seed, opset);
  const shapes = [
    [4, 4],
    [3, 4],
    [2, 4, 4],
    [2, 3, 4],
    [1, 4, 4, 4],
    [2, 4, 3, 4],
  ];
  const dims = r.pick(shapes);
  r.values.push({ name: r.input(dims), dims });
  const count = r.integer(1, 7);
  for (let step = 0; step < count; step++) {
    const from = r.chance(0.7) ? r.values.at(-1)! : r.pick(r.values);
    if (from.dims.length === 0 || from.dims.length > 5 || sizeOf(from.dims) > 2000) continue;
    const kind = r.pick(Object.keys(steps));
    const made = steps[kind]!(r, from.name, from.dims);
    if (!made) continue;
    r.values.push(made);
    r.steps.push(`${made.name} [${made.dims}]: ${kind} of ${from.name}`);
  }
  const read = new Set(r.builder.graph.node.flatMap(({ input }) => input));
  for (const { name } of r.values.slice(1)) if (!read.has(name)) r.builder.output(name, 'float');
  const model = { ...makeModel(r.builder.graph, { '': opset }), irVersion: opset > 17 ? 10 : 8 };
  return { model, feeds: r.feeds, steps: r.steps };
}
