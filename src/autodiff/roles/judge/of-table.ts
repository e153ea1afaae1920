import { becomesAngle, isAffine } from '../context.js';
import { isMirrored, isPartOfBasis, isStackedBasis, PRODUCTS } from '../fixed-filters.js';
import { isReparametrised, soundsComputed } from '../names.js';
import type { Use, ValueFlow } from '../uses.js';
import { isUniform, type Table, tableOf } from '../values.js';
import type { ModelEvidence } from './model-evidence.js';
import {
  constant,
  parameter,
  RECURRENT,
  REPARAMETRISING,
  type TensorEvidence,
  unsure,
  unsureIf,
  type Verdict,
} from './verdict.js';

/** Elements of a table below which its values may be anybody's. */
const SMALLEST_TABLE = 9;

/** Tables that no training leaves, whatever reads them. */
const NEVER_LEARNED: ReadonlySet<Table> = new Set([
  'an attention mask',
  'a Fourier basis',
  'a filter bank',
  'consecutive integers',
  'sines and cosines',
]);

/** What its values say. */
export function ofTable(model: ModelEvidence, evidence: TensorEvidence): Verdict | undefined {
  const { name, dims, values, named, uses, origin } = evidence;
  if (origin === 'filled') return undefined;
  if (named === 'computed') return constant('a table that the exporter computed');
  const table = tableOf(values, dims);
  const filter = ofFilter(model.flow, evidence);
  if (filter) return filter;
  const isVector = dims.filter((dim) => dim > 1).length < 2 && table !== 'an attention mask';
  if (isVector && uses.some((use) => isAffine(model.flow, use) || use.role === 'weight')) return undefined;
  if (table !== undefined && NEVER_LEARNED.has(table)) {
    const verdict = constant(table);
    return named === 'parameter' && table === 'sines and cosines' ? unsure(verdict) : verdict;
  }
  const isAngle =
    uses.length > 0 && uses.every(({ value }) => becomesAngle(model.flow, value, model.floats()));
  if (isAngle && named !== 'parameter') {
    if (table === 'a geometric sequence' || isUniform(values))
      return constant('a frequency of computed positions');
    if (named === 'constant') return constant('a constant of computed positions');
  }
  if (table === 'a geometric sequence' && isReparametrised(name)) return constant(table);
  if (table === undefined || named === 'parameter') return undefined;
  const isOfModule = named === 'member' || named === 'folded';
  if (isOfModule && uses.every(({ node }) => REPARAMETRISING.has(node.opType))) return undefined;
  if (uses.some(({ node }) => RECURRENT.has(node.opType))) return undefined;
  if (
    table === 'the same kernel for every channel' &&
    !uses.every(({ node }) => node.opType.startsWith('Conv'))
  )
    return undefined;
  // What integers choose from a table that was learned is such, once it is computed beforehand.
  if (table === 'a few values, repeated' && named === 'folded')
    return unsure(parameter('chosen from a table'));
  const isData = ({ node, index }: Use) => node.opType === 'MatMul' && index === 0 && dims.length > 2;
  if (table === 'a few values, repeated' && uses.some((use) => use.role === 'weight' && !isData(use)))
    return undefined;
  const verdict = constant(table);
  const isFew = values.length < SMALLEST_TABLE;
  const isWeight = uses.some(({ role }) => role === 'weight');
  const likely =
    table === 'zeros and ones'
      ? named === 'member' && isWeight
      : (isFew && (named === 'plain' || named === 'member')) || (named === 'plain' && isWeight);
  if (likely && !soundsComputed(name)) return unsure(parameter(`${table}, in the place of a weight`));
  return named === 'member' && !soundsComputed(name) ? unsure(verdict) : verdict;
}

/** What is multiplied with a signal: parts of a transform's basis, filters that resample or smooth. */
function ofFilter(flow: ValueFlow, { values, dims, named, uses }: TensorEvidence): Verdict | undefined {
  const weights = uses.filter(({ node, role }) => role === 'weight' && PRODUCTS.has(node.opType));
  if (weights.length === 0 || weights.length < uses.length || isUniform(values)) return undefined;
  if (weights.some((use) => isPartOfBasis(flow, values, dims, use)))
    return constant('a part of a Fourier basis');
  if (isStackedBasis(values, dims)) return constant('a Fourier basis');
  if (weights.every(({ node }) => node.opType === 'Conv') && isMirrored(values, dims))
    return unsureIf(
      named === 'parameter' || (dims[0] ?? 1) * (dims[1] ?? 1) > 1,
      constant('a filter that equals its mirror image'),
    );
  return undefined;
}
