import type { Arithmetic } from '../../onnx/arithmetic.js';
import { intAttribute, intsAttribute } from '../../onnx/attributes.js';
import type { Rule, RuleContext } from '../rule.js';
import { arithmetic } from './arithmetic.js';
import { again, axesOf, expandTo, positiveAxis, reshape, sumOver } from './tensors.js';

/** The reduced axes, non-negative; none when the node reduces nothing (noop_with_empty_axes). */
function reducedAxes(c: RuleContext): number[] {
  const rank = c.dims(c.input(0)).length;
  const axes = intsAttribute(c.node, 'axes') ?? (c.input(1) ? c.constantInts(1) : []);
  if (axes.length > 0) return axes.map((axis) => positiveAxis(axis, rank));
  return intAttribute(c.node, 'noop_with_empty_axes', 0) ? [] : axesOf(rank);
}

/** What the gradient of a reduction is made of; y and dy have the reduced axes back as ones. */
interface Reduction {
  readonly c: RuleContext;
  readonly m: Arithmetic;
  readonly x: string;
  readonly y: string;
  readonly dy: string;
  readonly axes: readonly number[];
}

/** With no axes to reduce (noop_with_empty_axes) ONNX Runtime still applies what is elementwise, such as the square. */
const reduction =
  (gradient: (parts: Reduction) => string): Rule =>
  (c) => {
    const dims = c.dims(c.input(0));
    const axes = reducedAxes(c);
    const kept = dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
    const keep = (value: string) => (intAttribute(c.node, 'keepdims', 1) ? value : reshape(c, value, kept));
    const parts = { c, m: arithmetic(c), x: c.input(0), y: keep(c.output()), dy: keep(c.dy), axes };
    return [gradient(parts)];
  };

/** dY at every reduced element. */
const spread = ({ c }: Reduction, value: string): string => expandTo(c, value, c.dims(c.input(0)));

/** dY goes to the extreme elements, in equal shares where several are equal. */
const extreme = reduction(({ c, m, x, y, dy, axes }) => {
  const hit = m.indicator(m.equal(x, y));
  return m.mul(hit, m.div(dy, sumOver(c, hit, axes)));
});

/** dY times the product of the others: of the elements that are not zero, over x, where no other element is zero. */
const product = reduction(({ c, m, x, dy, axes }) => {
  const isZero = m.equal(x, 0);
  const nonZero = m.where(isZero, 1, x);
  const reduced = again(c, [nonZero, ...c.node.input.slice(1)]);
  const all = reshape(
    c,
    reduced,
    c.dims(x).map((dim, axis) => (axes.includes(axis) ? 1 : dim)),
  );
  const zero = m.indicator(isZero);
  const otherZeros = m.sub(sumOver(c, zero, axes), zero);
  return m.mul(dy, m.where(m.equal(otherZeros, 0), m.div(all, nonZero), 0));
});

export const reduce: Record<string, Rule> = {
  ReduceSum: reduction((r) => spread(r, r.dy)),
  ReduceMean: reduction((r) => {
    const count = r.axes.reduce((total, axis) => total * r.c.dims(r.x)[axis]!, 1);
    return spread(r, r.m.mul(r.dy, 1 / count));
  }),
  ReduceSumSquare: reduction(({ m, x, dy }) => m.mul(m.mul(2, dy), x)),
  ReduceL1: reduction(({ m, x, dy }) => m.mul(dy, m.sign(x))),
  // x/y, and 0 where all elements are 0
  ReduceL2: reduction(({ m, x, y, dy }) => m.mul(x, m.div(dy, m.where(m.equal(y, 0), 1, y)))),
  // 1/Σx = e^−y
  ReduceLogSum: reduction((r) => spread(r, r.m.mul(r.dy, r.m.exp(r.m.neg(r.y))))),
  ReduceLogSumExp: reduction(({ m, x, y, dy }) => m.mul(dy, m.exp(m.sub(x, y)))),
  ReduceProd: product,
  ReduceMax: extreme,
  ReduceMin: extreme,
};
