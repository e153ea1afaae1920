import type { Rule, RuleContext } from '../rule.js';
import { isEmpty, positiveAxis, reshape, reverse, zeros } from './tensors.js';

/** Along each axis of the input: where the slice begins, and its step. */
function readSlice(c: RuleContext): { start: number; step: number }[] {
  const dims = c.dims(c.input(0));
  const starts = c.constantInts(1);
  const axes = c.input(3) ? c.constantInts(3) : starts.map((_, at) => at);
  const steps = c.input(4) ? c.constantInts(4) : starts.map(() => 1);
  const whole = dims.map(() => ({ start: 0, step: 1 }));
  axes.forEach((given, index) => {
    const axis = positiveAxis(given, dims.length);
    const [size, step] = [dims[axis]!, steps[index]!];
    const start = positiveAxis(starts[index]!, size);
    whole[axis] = { start: Math.min(Math.max(start, 0), step > 0 ? size : size - 1), step };
  });
  return whole;
}

/**
 * Zeros around dY. Before that, an axis that was read backwards is turned round, and |step| − 1 zeros follow each element of
 * an axis that was read by steps.
 */
const sliceRule: Rule = (c) => {
  const [dims, taken] = [c.dims(c.input(0)), c.dims(c.output())];
  if (isEmpty(taken)) return [zeros(c, dims)];
  const cuts = readSlice(c);
  const backwards = dims.map((_, axis) => axis).filter((axis) => cuts[axis]!.step < 0);
  let dy = backwards.length > 0 ? reverse(c, c.dy, backwards) : c.dy;
  const strides = cuts.map(({ step }, axis) => (taken[axis] === 1 ? 1 : Math.abs(step)));
  if (strides.some((stride) => stride > 1)) {
    const alone = reshape(
      c,
      dy,
      taken.flatMap((size) => [size, 1]),
    );
    const gaps = [...taken.map(() => 0), ...strides.map(() => 0)];
    const after = strides.flatMap((stride) => [0, stride - 1]);
    const spaced = c.op('Pad', [alone, c.builder.ints([...gaps, ...after])]);
    dy = reshape(
      c,
      spaced,
      taken.map((size, axis) => size * strides[axis]!),
    );
  }
  const begin = cuts.map(({ start, step }, axis) => (step < 0 ? start + step * (taken[axis]! - 1) : start));
  const end = dims.map((size, axis) => size - begin[axis]! - taken[axis]! * strides[axis]!);
  return [c.op('Pad', [dy, c.builder.ints([...begin, ...end])])];
};

export const slicing: Record<string, Rule> = { Slice: sliceRule };
