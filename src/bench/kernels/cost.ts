import { elementCount } from '../../onnx/tensors/tensor.js';

/** A tensor that a kernel reads or writes. */
export interface Operand {
  readonly dims: readonly number[];
  /** Of an element. */
  readonly bytes: number;
}

export interface OpCall {
  readonly op: string;
  /** Those that are present, in order. */
  readonly inputs: readonly Operand[];
  readonly outputs: readonly Operand[];
}

export interface Cost {
  /** Of the direct method; null where the op has no formula. */
  readonly flop: number | null;
  /** Each operand read or written once. */
  readonly bytes: number;
}

type Formula = (call: OpCall) => number;

const size = (operand: Operand | undefined): number => (operand ? elementCount(operand.dims) : 0);
const bytesOf = (operands: readonly Operand[]): number =>
  operands.reduce((sum, operand) => sum + size(operand) * operand.bytes, 0);
const largest = ({ inputs, outputs }: OpCall): number => Math.max(0, ...[...inputs, ...outputs].map(size));

/** Products that make one element of a convolution's output: channels of a group × taps. */
const taps = (weight: Operand | undefined): number => elementCount(weight?.dims.slice(1) ?? [0]);
/** One product and one sum for each tap of each element of `over`. */
const convolution = (over: Operand | undefined, weight: Operand | undefined): number =>
  2 * size(over) * taps(weight);

/** Multiplications of a matrix product A·B, transposed or not, for one element of the result. */
function inner({ inputs: [a], outputs: [result] }: OpCall): number {
  const [rows, columns] = (a?.dims.length ?? 0) < 2 ? [1, size(a)] : a!.dims.slice(-2);
  // Square or not transposed: the last axis.
  return result!.dims.at(-2) === rows || a!.dims.length < 2 ? columns! : rows!;
}

/** So many operations for each element of the largest operand; exp, log, tanh and the like count as one. */
const perElement =
  (count: number): Formula =>
  (call) =>
    count * largest(call);

const each = (ops: readonly string[], formula: Formula): Record<string, Formula> =>
  Object.fromEntries(ops.map((op) => [op, formula]));

/** Ops that move or describe data. */
const MOVES = [
  ...['Cast', 'Compress', 'Concat', 'ConstantOfShape', 'DepthToSpace', 'Expand', 'Gather', 'GatherElements'],
  ...['GatherND', 'Identity', 'MemcpyFromHost', 'MemcpyToHost', 'OneHot', 'Pad', 'Range', 'ScatterElements'],
  ...['ScatterND', 'Slice', 'SpaceToDepth', 'Split', 'Tile', 'Transpose', 'Where', 'AddSlices'],
];
/** Ops whose output is their input's memory, or its shape. */
const VIEWS = ['Constant', 'Flatten', 'Reshape', 'Shape', 'Size', 'Squeeze', 'Unsqueeze'];
/** Ops that read only what they write. */
const PICKS = ['Gather', 'GatherElements', 'GatherND', 'Slice'];

/** Op → floating-point operations. */
const FLOP: Readonly<Record<string, Formula>> = {
  ...each(['Conv', 'FusedConv'], ({ inputs: [, weight], outputs: [y] }) => convolution(y, weight)),
  ConvTranspose: ({ inputs: [x, weight] }) => convolution(x, weight),
  // dY, X, W → dX, dW, dB, of which some may be absent.
  ConvGrad: ({ inputs: [dy, , weight], outputs }) =>
    outputs.reduce((sum, { dims }) => sum + (dims.length > 1 ? convolution(dy, weight) : size(dy)), 0),
  ConvGradInput: ({ inputs: [dy, weight] }) => convolution(dy, weight),
  ConvGradWeight: ({ inputs: [, dy], outputs: [dw] }) => convolution(dy, dw),
  ...each(['MatMul', 'FusedMatMul', 'Gemm', 'FusedGemm'], (call) => 2 * size(call.outputs[0]) * inner(call)),
  // Σx; Σ(x − mean)²; a·x + b.
  ...each(['ActivatedNorm', 'BatchNorm', 'BatchNormInternal'], perElement(6)),
  BatchNormalization: (call) => (call.outputs.length > 1 ? 6 : 2) * largest(call),
  ...each(['ActivatedRunningNorm', 'RunningNorm'], perElement(2)),
  // a·dy; Σdy; Σdy·(x − mean); and what is added.
  ...each(
    ['ActivatedRunningNormGrad', 'RunningNormGrad'],
    (call) => (5 + Number(call.inputs.length > 6)) * largest(call),
  ),
  // Σdy; Σdy·(x − mean); a·dy + b·x + c; and what is added.
  ...each(
    ['BatchNormalizationGrad', 'BatchNormGrad', 'ActivatedNormGrad'],
    (call) => (8 + Number(call.inputs.length > 6)) * largest(call),
  ),
  ...each(['LayerNormalization', 'SimplifiedLayerNormalization'], perElement(8)),
  ...each(['LayerNormalizationGrad', 'SimplifiedLayerNormalizationGrad'], perElement(11)),
  ...each(['Softmax', 'LogSoftmax', 'SoftmaxCrossEntropyLoss'], perElement(5)),
  ...each(['SoftmaxGrad', 'SoftmaxGrad_13', 'LogSoftmaxGrad', 'LogSoftmaxGrad_13'], perElement(4)),
  SoftmaxCrossEntropyLossGrad: perElement(3),
  ...each(['SigmoidGrad', 'TanhGrad'], perElement(3)),
  ...each(
    ['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Min', 'Max', 'Abs', 'Neg', 'Sign', 'Sqrt', 'Exp', 'Log'],
    perElement(1),
  ),
  ...each(['Relu', 'ReluGrad', 'Sigmoid', 'Tanh', 'Erf', 'Reciprocal', 'Clip', 'Not'], perElement(1)),
  ...each(['HardSigmoid', 'HardSwish'], perElement(1)),
  ...each(['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'And', 'Or'], perElement(1)),
  ...each(['ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceProd'], perElement(1)),
  ...each(['ReduceSumSquare', 'ReduceL2'], perElement(2)),
  GlobalAveragePool: perElement(1),
  Sum: ({ inputs, outputs: [y] }) => (inputs.length - 1) * size(y),
  ...each([...MOVES, ...VIEWS], () => 0),
};

/** Operations and bytes of one call of an op, from its shapes. */
export function costOf(call: OpCall): Cost {
  const { op, inputs, outputs } = call;
  const flop = FLOP[op]?.(call) ?? null;
  if (VIEWS.includes(op)) return { flop, bytes: 0 };
  return { flop, bytes: PICKS.includes(op) ? 2 * bytesOf(outputs) : bytesOf([...inputs, ...outputs]) };
}
