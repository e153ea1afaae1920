import { intAttribute } from '../../onnx/attributes.js';
import type { Rule, RuleContext } from '../rule.js';
import { arithmetic } from './arithmetic.js';
import { positiveAxis, sumOver } from './tensors.js';

const attributes = (c: RuleContext) => ({
  exclusive: intAttribute(c.node, 'exclusive', 0),
  reverse: intAttribute(c.node, 'reverse', 0),
});

/** dx_i sums dy from i on: the same scan in the other direction. */
const sum: Rule = (c) => {
  const { exclusive, reverse } = attributes(c);
  return [c.op('CumSum', [c.dy, c.input(1)], { exclusive, reverse: 1 - reverse })];
};

/**
 * dx_i = Σ_k dy_k · (product of the elements that y_k has, but x_i), over the k that have x_i. Row i of an n×n square a line holds
 * those products, made with a one in place of x_i: exact where elements are zero, at n² of memory.
 */
const product: Rule = (c) => {
  const { exclusive, reverse } = attributes(c);
  const dims = c.dims(c.input(0));
  const axis = positiveAxis(c.constantInts(1)[0]!, dims.length);
  const m = arithmetic(c);
  const n = dims[axis]!;
  /** A constant n×n truth table over (i, k), shaped to broadcast with the squares. */
  const table = (holds: (i: number, k: number) => boolean): string => {
    const cells = Uint8Array.from({ length: n * n }, (_, at) => Number(holds(Math.floor(at / n), at % n)));
    return c.builder.constant('bool', [n, n, ...dims.slice(axis + 1).map(() => 1)], cells);
  };
  const asRows = (value: string) => c.op('Unsqueeze', [value, c.builder.ints([axis])]);
  const factors = m.where(
    table((i, k) => i === k),
    1,
    asRows(c.input(0)),
  );
  const position = c.builder.constant('int32', [], Int32Array.of(axis + 1));
  const others = c.op('CumProd', [factors, position], { exclusive, reverse });
  const has = table((i, k) => (reverse ? i - k : k - i) >= exclusive);
  return [sumOver(c, m.where(has, m.mul(asRows(c.dy), others), 0), [axis + 1], 0)];
};

export const cumulative: Record<string, Rule> = { CumSum: sum, CumProd: product };
