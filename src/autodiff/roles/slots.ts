import { microsoft, opKey } from '../../onnx/domains.js';
import { opTable } from '../../onnx/op-table.js';
import type { Node } from '../../onnx/proto.js';
import { nonDifferentiable } from '../registry.js';

/**
 * What an operand is to its op. 'weight': an operand that only learned values have; 'statistic': a running mean or variance;
 * 'setting': a bound, a scale of sampling, a fill value; 'form': only shape or type are read; 'operand': any other.
 */
export type Role = 'weight' | 'statistic' | 'setting' | 'form' | 'operand';

/** What weights are called where they are operands of an op, by position; every operand of a product is one. */
const WEIGHTS: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  Conv: { 1: 'weight', 2: 'bias' },
  ConvTranspose: { 1: 'weight', 2: 'bias' },
  DeformConv: { 1: 'weight', 3: 'bias' },
  Gemm: { 0: 'weight', 1: 'weight', 2: 'bias' },
  MatMul: { 0: 'weight', 1: 'weight' },
  BatchNormalization: { 1: 'weight', 2: 'bias' },
  InstanceNormalization: { 1: 'weight', 2: 'bias' },
  LayerNormalization: { 1: 'weight', 2: 'bias' },
  GroupNormalization: { 1: 'weight', 2: 'bias' },
  RMSNormalization: { 1: 'weight' },
  SimplifiedLayerNormalization: { 1: 'weight' },
  LSTM: { 1: 'weight_ih', 2: 'weight_hh', 3: 'bias', 7: 'peephole' },
  GRU: { 1: 'weight_ih', 2: 'weight_hh', 3: 'bias' },
  RNN: { 1: 'weight_ih', 2: 'weight_hh', 3: 'bias' },
  PRelu: { 1: 'weight' },
  Gather: { 0: 'weight' },
  [`${microsoft}:FusedMatMul`]: { 0: 'weight', 1: 'weight' },
  [`${microsoft}:FusedConv`]: { 1: 'weight', 2: 'bias' },
  [`${microsoft}:FusedGemm`]: { 0: 'weight', 1: 'weight', 2: 'bias' },
  [`${microsoft}:BiasGelu`]: { 1: 'bias' },
  [`${microsoft}:SkipLayerNormalization`]: { 2: 'weight', 3: 'bias', 4: 'bias' },
  [`${microsoft}:Attention`]: { 1: 'weight', 2: 'bias' },
};

const STATISTICS: Readonly<Record<number, string>> = { 3: 'running_mean', 4: 'running_var' };

const FORM_ALONE = new Set([
  'CastLike:1',
  'EyeLike:0',
  'RandomNormalLike:0',
  'RandomUniformLike:0',
  'Shape:0',
  'Size:0',
]);

const SETTINGS: Readonly<Record<string, readonly number[]>> = opTable<readonly number[]>({
  Clip: [1, 2],
  Dropout: [1, 2],
  Pad: [1, 2, 3],
  Resize: [1, 2, 3],
  Upsample: [1],
  OneHot: [1, 2],
  Range: [0, 1, 2],
  Trilu: [1],
  QuantizeLinear: [1, 2],
  DequantizeLinear: [1, 2],
});

/** Ops that hand their first operand on, differently laid out or in part. */
const VIEWS = new Set([
  'Cast',
  'CastLike',
  'Concat',
  'Expand',
  'Flatten',
  'Identity',
  'Reshape',
  'Slice',
  'Split',
  'Squeeze',
  'Tile',
  'Transpose',
  'Unsqueeze',
]);

/** Views that hold every element of their operand once: what is read behind them is read of the operand. */
const WHOLE_VIEWS = new Set([
  'Cast',
  'CastLike',
  'Flatten',
  'Identity',
  'Reshape',
  'Squeeze',
  'Transpose',
  'Unsqueeze',
]);

const isStandard = ({ domain }: Node): boolean => !domain || domain === 'ai.onnx';

/** Whether a node hands an operand on. */
export const isView = (node: Node, index: number): boolean =>
  isStandard(node) && VIEWS.has(node.opType) && (index === 0 || node.opType === 'Concat');

export const isWholeView = (node: Node, index: number): boolean =>
  isStandard(node) && WHOLE_VIEWS.has(node.opType) && index === 0;

export function roleOf(node: Node, index: number): Role {
  const key = opKey(node);
  if (key === 'BatchNormalization' && index >= 3) return 'statistic';
  if (FORM_ALONE.has(`${key}:${index}`)) return 'form';
  if (nonDifferentiable.has(key) || SETTINGS[key]?.includes(index)) return 'setting';
  if (VIEWS.has(key) && !isView(node, index)) return 'setting';
  return WEIGHTS[key]?.[index] ? 'weight' : 'operand';
}

/** What frameworks call a weight or statistic at an operand's place: 'weight', 'running_var'. */
export function slotName(node: Node, index: number): string | undefined {
  const key = opKey(node);
  return (key === 'BatchNormalization' && STATISTICS[index]) || WEIGHTS[key]?.[index];
}
