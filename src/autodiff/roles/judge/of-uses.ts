import { isAffine, isOfMagnitude, isPreprocessing } from '../context.js';
import { isKnownNumber } from '../known-numbers.js';
import { soundsComputed } from '../names.js';
import type { Use } from '../uses.js';
import { isUniform } from '../values.js';
import type { ModelEvidence } from './model-evidence.js';
import {
  constant,
  neutralOf,
  parameter,
  REPARAMETRISING,
  type TensorEvidence,
  unsure,
  type Verdict,
} from './verdict.js';

/** What its uses say, with its name and whether it is one number. */
export function ofUses(model: ModelEvidence, evidence: TensorEvidence): Verdict {
  const { name, values, half, origin, named, uses } = evidence;
  const weight = uses.find(({ role }) => role === 'weight');
  if (origin === 'filled') return parameter('a weight that one number fills');
  if (weight) return asWeight(evidence, weight);
  const [use] = uses;
  if (!use) return constant('a tensor that nothing reads');
  const what = `an operand of ${use.node.opType}`;
  if (named === 'parameter') return parameter(`${what}, named as weights are`);
  const sounds = soundsComputed(name);
  const atEntry = uses.find((each) => isPreprocessing(model.flow, each, model.atEntry()));
  const isTaken = atEntry?.node.opType === 'Sub' || atEntry?.node.opType === 'Div';
  if (atEntry && (named !== 'member' || sounds) && (named !== 'folded' || isTaken)) {
    const verdict = constant('arithmetic with an input: preprocessing');
    if (sounds || named !== 'plain' || isKnownNumber(values[0]!, half)) return verdict;
    return unsure(isTaken ? verdict : parameter(what));
  }
  if (named !== 'member') {
    const inFront = uses.find((each) => isPreprocessing(model.flow, each, model.inFrontEnd()));
    if (inFront && isOfMagnitude(model.flow, inFront))
      return constant('a scale of a transform whose magnitude is taken');
    const isTakenThere = inFront?.node.opType === 'Sub' || inFront?.node.opType === 'Div';
    if (isTakenThere && !(values.length === 1 && isKnownNumber(values[0]!, half)))
      return unsure(constant('taken off or divided by before anything learned'));
  }
  if (sounds) return unsure(constant(`${what}, called as constants are`));
  if (named === 'member') {
    const member = parameter(`${what}, a member of the module`);
    const isTyped =
      values[0] !== neutralOf(use.node) && values.every((value: number) => isKnownNumber(value, half));
    if (!isTyped) return member;
    const isNumber = values.length === 1 && (model.naming === 'unknown' || use.node.opType === 'Pow');
    return unsure(isNumber ? constant('a scalar of a formula') : member);
  }
  if (values.length === 1) return asScalar(model, evidence, use);
  if (named === 'folded') return parameter(`${what}, folded from a parameter`);
  const madeUp = named === 'constant' || named === 'formula' || origin === 'constant';
  if (!madeUp || !isUniform(values)) return parameter(what);
  const affine = uses.find((each) => isAffine(model.flow, each));
  const kept = origin === 'constant' ? affine : uses.find(({ node }) => values[0] === neutralOf(node));
  return kept && values[0] === neutralOf(kept.node)
    ? unsure(parameter(`an operand of ${kept.node.opType}, as before training`))
    : constant('one number, repeated');
}

function asScalar(
  model: ModelEvidence,
  { dims, values, half, origin, named, uses }: TensorEvidence,
  { node }: Use,
): Verdict {
  const value = values[0]!;
  const what = `a scalar operand of ${node.opType}`;
  const known = isKnownNumber(value, half);
  // What an exporter makes of a number has at most one axis; more come from a folded parameter.
  if ((named === 'folded' || (named === 'constant' && origin !== 'constant')) && dims.length >= 2) {
    const verdict = parameter(`${what}, folded from a parameter`);
    const isGate = value === 0 && node.opType === 'Mul';
    const isNumber = known && value !== neutralOf(node) && !isGate;
    if (isNumber && model.naming !== 'traced') return constant('a scalar of a formula');
    return isNumber ? unsure(verdict) : verdict;
  }
  if (named === 'folded' && uses.every((use) => REPARAMETRISING.has(use.node.opType)))
    return unsure(parameter(`${what}, kept in bounds by it`));
  if (named === 'formula') return constant('a scalar of a formula');
  if (value === 0 && node.opType === 'Mul') return unsure(parameter(`${what}, zero as before training`));
  const affine = uses.some((use) => isAffine(model.flow, use));
  const madeUp = named === 'constant' || origin === 'constant';
  if (known) {
    const untrained = affine && dims.length > 0 && value === neutralOf(node) && !madeUp;
    return untrained
      ? unsure(parameter(`${what} after a product, as before training`))
      : constant('a scalar of a formula');
  }
  if (affine) return unsure(parameter(`${what} after a product, and no number that formulas have`));
  return unsure(madeUp ? constant('a scalar folded into arithmetic') : parameter(what));
}

function asWeight({ values, named, origin }: TensorEvidence, { node, index }: Use): Verdict {
  const op = node.opType;
  const isProduct = op === 'MatMul' || (index < 2 && (op === 'Gemm' || op.startsWith('Conv')));
  const isNamed = named === 'parameter' || named === 'member' || named === 'folded';
  if (isProduct && isUniform(values) && values[0] !== 0 && !isNamed) {
    const verdict = constant('one number, repeated');
    return named === 'plain' && origin !== 'constant' ? unsure(verdict) : verdict;
  }
  return parameter(`a weight of ${op}`);
}
