import { intAttribute, intsAttribute } from '../../onnx/attributes.js';
import type { Rule, RuleContext } from '../rule.js';

/** The reduced axes, non-negative; undefined when the node reduces nothing (noop_with_empty_axes). */
function reducedAxes(c: RuleContext): number[] | undefined {
  const rank = c.dims(c.input(0)).length;
  const axes = intsAttribute(c.node, 'axes') ?? (c.input(1) ? c.constantInts(1) : []);
  if (axes.length === 0) {
    return intAttribute(c.node, 'noop_with_empty_axes', 0)
      ? undefined
      : Array.from({ length: rank }, (_, axis) => axis);
  }
  return axes.map((axis) => (axis < 0 ? axis + rank : axis));
}

/** A reduced value with its lost axes back as ones. */
function keepDims(c: RuleContext, value: string, axes: readonly number[]): string {
  const dims = c.dims(c.input(0)).map((dim, axis) => (axes.includes(axis) ? 1 : dim));
  return c.op('Reshape', [value, c.builder.ints(dims)]);
}

/** dY at every reduced element. Of nothing, nothing: ONNX Runtime's Expand makes no empty axis out of one element. */
function expand(c: RuleContext, value: string): string {
  const dims = c.dims(c.input(0));
  if (dims.includes(0)) return c.builder.constant('float', dims, new Float32Array(0));
  return c.op('Expand', [value, c.builder.ints(dims)]);
}

const reduction =
  (gradient: (c: RuleContext, dy: string, axes: readonly number[]) => string): Rule =>
  (c) => {
    const axes = reducedAxes(c);
    return [axes ? gradient(c, keepDims(c, c.dy, axes), axes) : c.dy];
  };

/** dY goes to the extreme elements, in equal shares where several are equal. */
const extreme = reduction((c, dy, axes) => {
  const type = c.type(c.input(0)).type;
  const hit = c.op('Cast', [c.op('Equal', [c.input(0), keepDims(c, c.output(), axes)])], { to: type });
  const ties = c.op('ReduceSum', [hit, c.builder.ints(axes)], { keepdims: 1 });
  return c.op('Mul', [hit, c.op('Div', [dy, ties])]);
});

export const reduce: Record<string, Rule> = {
  ReduceSum: reduction((c, dy) => expand(c, dy)),
  ReduceMean: reduction((c, dy, axes) => {
    const count = axes.reduce((product, axis) => product * c.dims(c.input(0))[axis]!, 1);
    return expand(c, c.op('Mul', [dy, c.scalar(1 / count)]));
  }),
  ReduceSumSquare: reduction((c, dy) => c.op('Mul', [c.op('Mul', [dy, c.scalar(2)]), c.input(0)])),
  ReduceMax: extreme,
  ReduceMin: extreme,
};
