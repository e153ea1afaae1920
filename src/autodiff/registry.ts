import type { Rule } from './rule.js';
import { conv } from './rules/conv.js';
import { elementwise } from './rules/elementwise.js';
import { loss } from './rules/loss.js';
import { matmul } from './rules/matmul.js';
import { norm } from './rules/norm.js';
import { pool } from './rules/pool.js';
import { reduce } from './rules/reduce.js';
import { shape } from './rules/shape.js';

/** The table: op (or domain:op) → rule. */
export const rules: Readonly<Record<string, Rule>> = {
  ...elementwise,
  ...matmul,
  ...conv,
  ...pool,
  ...norm,
  ...reduce,
  ...shape,
  ...loss,
};

/** Ops whose outputs are constant almost everywhere, or integers: the loss does not depend on parameters through them. */
export const nonDifferentiable: ReadonlySet<string> = new Set([
  'And',
  'ArgMax',
  'ArgMin',
  'Ceil',
  'Constant',
  'ConstantOfShape',
  'Equal',
  'Floor',
  'Greater',
  'GreaterOrEqual',
  'IsInf',
  'IsNaN',
  'Less',
  'LessOrEqual',
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
