import { isOfGroups } from '../context.js';
import { PRODUCTS } from '../fixed-filters.js';
import { callOf } from '../torch-metadata.js';
import type { Use } from '../uses.js';
import { isUniform } from '../values.js';
import type { ModelEvidence } from './model-evidence.js';
import { constant, RECURRENT, type TensorEvidence, unsureIf, type Verdict } from './verdict.js';

/** What ops must be given though nothing is learned there. */
export function notLearned(
  model: ModelEvidence,
  { name, dims, values, uses, named, origin }: TensorEvidence,
): Verdict | undefined {
  // The tracing exporter's constants are no parameters; but nothing is multiplied by zero before it was learned.
  const isGate = values.length === 1 && values[0] === 0 && uses.some(({ node }) => node.opType === 'Mul');
  if (named === 'constant' && model.naming === 'traced' && !isGate)
    return constant('a constant of the exporter');
  if (!isUniform(values)) return undefined;
  if (values[0] === 0 && uses.length > 0 && uses.every((use) => isBiasOfFixed(model, use)))
    return unsureIf(named === 'parameter', constant('the bias of a fixed filter, zero'));
  const groups = uses.find(
    (use) =>
      isOfGroups(model.flow, use.node) ||
      (use.node.opType === 'InstanceNormalization' && callOf(use.node)?.target === 'group_norm'),
  );
  if (groups) return constant(`what ${groups.node.opType} takes where nothing is learned`);
  const isState = ({ node, index }: Use) => RECURRENT.has(node.opType) && (index === 5 || index === 6);
  if (uses.some(isState) && uses.every(isState) && named !== 'parameter' && named !== 'member')
    return constant('the state that a recurrence starts from');
  // A matrix that one number fills is none that was learned.
  if (dims.length === 0 && named !== 'parameter' && uses.some(({ role }) => role === 'weight'))
    return constant('one number, repeated');
  const norm = uses.find(({ node, role }) => role === 'weight' && node.opType.endsWith('Normalization'));
  const madeUp =
    named === 'constant' || named === 'computed' || /(Tile|Expand)(_\d+)?_output_\d+$/.test(name);
  if (norm && (madeUp || (origin === 'constant' && (named === 'plain' || named === 'formula'))))
    return callOf(norm.node)?.parameters.length
      ? undefined
      : constant(`what ${norm.node.opType} takes where nothing is learned`);
  return undefined;
}

/** Whether a use is the bias of a product whose weight is a constant. */
function isBiasOfFixed(model: ModelEvidence, { node, index, role }: Use): boolean {
  return role === 'weight' && index === 2 && PRODUCTS.has(node.opType) && model.isFixed(node);
}
