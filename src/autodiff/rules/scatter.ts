import { FlatminError } from '../../errors.js';
import { describeNode, stringAttribute } from '../../onnx/attributes.js';
import type { Gradient, Rule, RuleContext } from '../rule.js';
import { arithmetic } from './arithmetic.js';
import { axisAttribute, scatterAdd, zeros } from './tensors.js';

/** Gradients of ScatterElements, by its reduction: those of the data and of the updates. */
const byReduction: Readonly<Record<string, (c: RuleContext) => [Gradient, Gradient]>> = {
  /** What was written over leaves no gradient for the data; the updates take dY from where they went. */
  none: (c) => [
    c.when(0, () =>
      c.op('ScatterElements', [c.dy, c.input(1), zeros(c, c.dims(c.input(1)))], {
        axis: axisAttribute(c, 0),
      }),
    ),
    c.when(2, () => gather(c, c.dy)),
  ],
  add: (c) => [c.dy, c.when(2, () => gather(c, c.dy))],
  max: extreme,
  min: extreme,
  mul: product,
};

/** The reductions that have a gradient. */
export const scatterReductions: readonly string[] = Object.keys(byReduction);

const scatterElements: Rule = (c) => {
  const reduction = reductionOf(c);
  const [data, updates] = byReduction[reduction]!(c);
  return [data, undefined, updates];
};

/** Those with another reduction have been written as ScatterElements; see decompose/scatter. */
const scatterND: Rule = (c) => {
  const reduction = reductionOf(c);
  if (reduction !== 'none' && reduction !== 'add') throw c.refuse(`its reduction is "${reduction}"`);
  return [
    c.when(0, () =>
      reduction === 'none' ? c.op('ScatterND', [c.dy, c.input(1), zeros(c, c.dims(c.input(2)))]) : c.dy,
    ),
    undefined,
    c.when(2, () => c.op('GatherND', [c.dy, c.input(1)])),
  ];
};

export const scatters: Record<string, Rule> = { ScatterElements: scatterElements, ScatterND: scatterND };

/** @throws FlatminError NO_GRADIENT for one that the specification does not have */
function reductionOf(c: RuleContext): string {
  const reduction = stringAttribute(c.node, 'reduction', 'none');
  if (Object.hasOwn(byReduction, reduction)) return reduction;
  const known = scatterReductions.map((name) => `"${name}"`).join(', ');
  throw new FlatminError(
    'NO_GRADIENT',
    `${describeNode(c.node)} has reduction "${reduction}"; its gradient is known for ${known}.`,
  );
}

/** What a value of the data's shape has where the updates went. */
const gather = (c: RuleContext, value: string): string =>
  c.op('GatherElements', [value, c.input(1)], { axis: axisAttribute(c, 0) });

/** Sums at the places of the updates, of the data's shape. */
const sumOfUpdates = (c: RuleContext, values: string): string =>
  scatterAdd(c, c.dims(c.input(0)), c.input(1), values, c.dims(c.input(1)), axisAttribute(c, 0));

/** dY in equal shares to all that are the extreme, the element of the data included, as in PyTorch. */
function extreme(c: RuleContext): [Gradient, Gradient] {
  const m = arithmetic(c);
  const ofData = m.indicator(m.equal(c.input(0), c.output()));
  const ofUpdates = m.indicator(m.equal(c.input(2), gather(c, c.output())));
  const share = m.div(c.dy, m.add(ofData, sumOfUpdates(c, ofUpdates)));
  return [c.when(0, () => m.mul(share, ofData)), c.when(2, () => m.mul(gather(c, share), ofUpdates))];
}

/**
 * dY times the product of the other factors: y over the factor, but where that is zero the product with a one in its place. Two zero
 * updates of one place leave neither a gradient. As in PyTorch.
 */
function product(c: RuleContext): [Gradient, Gradient] {
  const m = arithmetic(c);
  const [data, indices, updates] = [c.input(0), c.input(1), c.input(2)];
  const axis = axisAttribute(c, 0);
  const multiply = (start: string, factors: string) =>
    c.op('ScatterElements', [start, indices, factors], { axis, reduction: 'mul' });
  return [
    c.when(0, () => {
      const nonzero = m.where(m.equal(data, 0), 1, data);
      return m.div(m.mul(c.dy, multiply(nonzero, updates)), nonzero);
    }),
    c.when(2, () => {
      const isZero = m.equal(updates, 0);
      const zerosThere = gather(c, sumOfUpdates(c, m.indicator(isZero)));
      const isOnlyZero = m.and(isZero, m.equal(zerosThere, 1));
      const others = multiply(data, m.where(isOnlyZero, 1, updates));
      const whole = m.div(gather(c, m.mul(c.dy, c.output())), m.where(isZero, 1, updates));
      return m.where(isOnlyZero, gather(c, m.mul(c.dy, others)), whole);
    }),
  ];
}
