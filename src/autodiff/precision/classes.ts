import { microsoft } from '../../onnx/domains.js';

/** 'half': computed in half precision; 'float32': in float32; 'follow': in what its operands are, in float32 where they differ. */
export type PrecisionClass = 'half' | 'float32' | 'follow';

export interface OpPrecision {
  readonly class: PrecisionClass;
  readonly reason: string;
}

interface Group extends OpPrecision {
  readonly ops: readonly string[];
}

/**
 * The classes of the field's automatic mixed precision (Micikevicius et al. 2018; PyTorch's autocast has much the same lists), by
 * operator. What is not listed is float32.
 */
const groups: readonly Group[] = [
  {
    class: 'half',
    reason: 'sums of products, which kernels add up in float32',
    ops: ['Conv', 'ConvTranspose', 'Gemm', 'MatMul'],
  },
  {
    class: 'float32',
    reason: 'a loss: differences of nearly equal numbers, and means over the batch',
    ops: ['NegativeLogLikelihoodLoss', 'SoftmaxCrossEntropyLoss'],
  },
  {
    class: 'float32',
    reason: 'its values or its slope leave the range of float16 for moderate operands',
    ops: ['Exp', 'Log', 'Pow', 'Reciprocal', 'Softplus', 'Sqrt', 'Softmax', 'LogSoftmax']
      .concat(['Tan', 'Sinh', 'Cosh', 'Acos', 'Asin', 'Acosh', 'Asinh', 'Atanh'])
      .concat(['LpNormalization', 'MeanVarianceNormalization']),
  },
  {
    class: 'float32',
    reason: 'sums or products of many terms',
    ops: [
      'CumProd',
      'CumSum',
      'ReduceL1',
      'ReduceL2',
      'ReduceLogSum',
      'ReduceLogSumExp',
      'ReduceMean',
    ].concat(['ReduceProd', 'ReduceSum', 'ReduceSumSquare']),
  },
  {
    class: 'float32',
    reason: 'means and variances of the operand itself',
    ops: ['InstanceNormalization', 'LayerNormalization', 'RMSNormalization', 'SimplifiedLayerNormalization'],
  },
  {
    class: 'float32',
    reason: 'by running statistics, which are float32: the CUDA kernel takes data of one type with them',
    ops: ['BatchNormalization'],
  },
  {
    class: 'float32',
    reason: 'not defined for half precision',
    ops: ['Celu', 'IsInf'],
  },
  {
    class: 'float32',
    reason: 'angles lose whole turns, and remainders all digits',
    ops: ['Cos', 'Mod', 'Sin'],
  },
  {
    class: 'float32',
    reason: 'adds at scattered places, for which kernels lack half precision',
    ops: ['Col2Im', 'ScatterElements', 'ScatterND'],
  },
  {
    class: 'float32',
    reason: 'its state goes through every step, and so do the roundings of it',
    ops: ['Scan'],
  },
  {
    class: 'follow',
    reason: 'moves or chooses elements',
    ops: ['Compress', 'Concat', 'DepthToSpace', 'Dropout', 'Expand', 'Flatten', 'Gather', 'GatherElements']
      .concat(['GatherND', 'GlobalMaxPool', 'Identity', 'Max', 'MaxPool', 'MaxUnpool', 'Min', 'Pad'])
      .concat(['ReduceMax', 'ReduceMin', 'Reshape', 'ReverseSequence', 'Slice', 'SpaceToDepth', 'Split'])
      .concat(['Squeeze', 'Tile', 'TopK', 'Transpose', 'Trilu', `${microsoft}:Trilu`, 'Unsqueeze', 'Where']),
  },
  {
    class: 'follow',
    reason: 'a few rounded operations an element',
    ops: ['Abs', 'Add', 'Atan', 'Ceil', 'Clip', 'Div', 'Floor', 'Mean', 'Mul', 'Neg', 'Round', 'Sign', 'Sub']
      .concat(['Sum'])
      .concat(['Elu', 'Erf', 'Gelu', 'HardSigmoid', 'HardSwish', 'LeakyRelu', 'Mish', 'PRelu', 'Relu'])
      .concat(['Selu', 'Shrink', 'Sigmoid', 'Softsign', 'Swish', 'Tanh', 'ThresholdedRelu'])
      .concat(['BiasGelu', 'FastGelu', 'Gelu', 'QuickGelu'].map((op) => `${microsoft}:${op}`)),
  },
  {
    class: 'follow',
    reason: 'means over windows, which kernels add up in float32',
    ops: ['AveragePool', 'GlobalAveragePool', 'Resize'],
  },
  {
    class: 'follow',
    reason: 'makes truth values or integers',
    ops: ['ArgMax', 'ArgMin', 'Equal', 'Greater', 'GreaterOrEqual', 'IsNaN', 'Less', 'LessOrEqual'].concat([
      'NonZero',
      'Shape',
      'Size',
    ]),
  },
];

const table: ReadonlyMap<string, OpPrecision> = new Map(
  groups.flatMap(({ ops, ...precision }) => ops.map((op) => [op, precision] as const)),
);

const unlisted: OpPrecision = { class: 'float32', reason: 'not known to hold in half precision' };
const byTheBatch: OpPrecision = {
  class: 'follow',
  reason: 'its kernel takes half-precision data with float32 parameters and statistics',
};

/** Operators that the table names. */
export const listedOps: ReadonlySet<string> = new Set(table.keys());

/** @param batchNorm what BatchNormalization normalises by */
export function precisionOf(op: string, batchNorm: 'batch' | 'running'): OpPrecision {
  if (op === 'BatchNormalization' && batchNorm === 'batch') return byTheBatch;
  return table.get(op) ?? unlisted;
}

/** Operands that stay float32 where the operator itself is half precision. */
export const float32Operands: Readonly<Record<string, readonly number[]>> = {
  BatchNormalization: [1, 2, 3, 4],
  Dropout: [1],
  Resize: [1, 2],
};

/** Operands that may become infinite: bounds beyond all values hold nothing back. */
export const openBounds: Readonly<Record<string, readonly number[]>> = { Clip: [1, 2] };
