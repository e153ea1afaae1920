import { opTable } from '../onnx/op-table.js';
import type { Rule } from './rule.js';
import { activation } from './rules/activation.js';
import { axisNorm } from './rules/axis-norm.js';
import { cumulative } from './rules/cumulative.js';
import { regularization } from './rules/dropout.js';
import { elementwise } from './rules/elementwise.js';
import { indexing } from './rules/indexing.js';
import { layerNorm } from './rules/layer-norm.js';
import { loss } from './rules/loss.js';
import { matmul } from './rules/matmul.js';
import { norm } from './rules/norm.js';
import { padding } from './rules/pad.js';
import { reduce } from './rules/reduce.js';
import { scan } from './rules/scan/scan.js';
import { scatters } from './rules/scatter.js';
import { shape } from './rules/shape.js';
import { slicing } from './rules/slice.js';
import { trigonometry } from './rules/trigonometry.js';
import { conv } from './rules/windows/conv.js';
import { transposedConvolution } from './rules/windows/conv-transpose.js';
import { pool } from './rules/windows/pool.js';
import { resampling } from './rules/windows/resize.js';
import { windowScatters } from './rules/windows/scatter-windows.js';

/** The table: op (or domain:op) → rule. */
export const rules = opTable<Rule>(
  elementwise,
  matmul,
  conv,
  transposedConvolution,
  pool,
  norm,
  layerNorm,
  resampling,
  windowScatters,
  reduce,
  shape,
  loss,
  trigonometry,
  slicing,
  regularization,
  padding,
  indexing,
  cumulative,
  axisNorm,
  activation,
  scan,
  scatters,
);

/** Ops whose outputs are constant almost everywhere, or integers: the loss does not depend on parameters through them. */
export const nonDifferentiable: ReadonlySet<string> = new Set([
  'And',
  'ArgMax',
  'ArgMin',
  'Bernoulli',
  'BitCast',
  'BitShift',
  'BitwiseAnd',
  'BitwiseNot',
  'BitwiseOr',
  'BitwiseXor',
  'BlackmanWindow',
  'Ceil',
  'Constant',
  'ConstantOfShape',
  'Equal',
  'EyeLike',
  'Floor',
  'Greater',
  'GreaterOrEqual',
  'HammingWindow',
  'HannWindow',
  'Hardmax',
  'IsInf',
  'IsNaN',
  'Less',
  'LessOrEqual',
  'Multinomial',
  'NonZero',
  'Not',
  'OneHot',
  'Or',
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
  'Range',
  'Round',
  'Shape',
  'Sign',
  'Size',
  'Xor',
]);
