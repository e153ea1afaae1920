import { stringAttribute } from '../../onnx/attributes.js';
import type { Rule, RuleContext } from '../rule.js';
import { positiveAxis, reverse, slice, sumOver } from './tensors.js';

/** Elements added before and after each axis; negative ones are taken away. */
interface Pads {
  readonly begin: readonly number[];
  readonly end: readonly number[];
}

function readPads(c: RuleContext): Pads {
  const rank = c.dims(c.input(0)).length;
  const pads = c.constantInts(1);
  const axes = c.input(3)
    ? c.constantInts(3).map((axis) => positiveAxis(axis, rank))
    : Array.from({ length: rank }, (_, axis) => axis);
  const [begin, end] = [new Array<number>(rank).fill(0), new Array<number>(rank).fill(0)];
  axes.forEach((axis, index) => {
    begin[axis] = pads[index]!;
    end[axis] = pads[index + axes.length]!;
  });
  return { begin, end };
}

/** Zeros for what was taken away, and nothing of what was added: padding by the opposite of some pads. */
const padBack = (c: RuleContext, pads: string, axes: string): string =>
  c.op('Pad', [c.dy, c.op('Neg', [pads]), ...(axes ? ['', axes] : [])]);

/** Where in a line of n elements a padded position, counted from the first of them, comes from. */
const sources: Record<string, (position: number, n: number) => number> = {
  edge: (position, n) => Math.min(Math.max(position, 0), n - 1),
  wrap: (position, n) => ((position % n) + n) % n,
  reflect: (position, n) => {
    if (n === 1) return 0;
    const period = 2 * (n - 1);
    const folded = ((position % period) + period) % period;
    return Math.min(folded, period - folded);
  },
};

/** A stretch of padded positions from `first` on whose sources start at `source` and go on by `step`. */
interface Run {
  first: number;
  length: number;
  source: number;
  step: -1 | 0 | 1;
}

/** Source positions as the fewest stretches that go on by +1, −1 or 0. */
function runs(positions: readonly number[]): Run[] {
  const found: Run[] = [];
  positions.forEach((source, at) => {
    const last = found.at(-1);
    const step = last && source - positions[at - 1]!;
    if (last && Math.abs(step!) <= 1 && (last.length === 1 || last.step === step)) {
      last.step = step as Run['step'];
      last.length++;
    } else found.push({ first: at, length: 1, source, step: 1 });
  });
  return found;
}

/** Folds one padded axis back: each stretch of copies is added where it was copied from. */
function fold(
  c: RuleContext,
  dy: string,
  rank: number,
  axis: number,
  size: number,
  positions: readonly number[],
): string {
  const parts = runs(positions).map(({ first, length, source, step }) => {
    const stretch = slice(c, dy, [first], [first + length], [axis]);
    const turned =
      step === 0 && length > 1
        ? sumOver(c, stretch, [axis])
        : step === -1
          ? reverse(c, stretch, [axis])
          : stretch;
    const covered = step === 0 ? 1 : length;
    const lowest = step === -1 ? source - (length - 1) : source;
    const pads = new Array<number>(2 * rank).fill(0);
    pads[axis] = lowest;
    pads[rank + axis] = size - lowest - covered;
    return pads.some((count) => count > 0) ? c.op('Pad', [turned, c.builder.ints(pads)]) : turned;
  });
  return parts.length === 1 ? parts[0]! : c.op('Sum', parts);
}

/** Constant padding is cut off; the constant takes what falls on it. Copies (reflect, edge, wrap) are added to what they copy. */
const pad: Rule = (c) => {
  const mode = stringAttribute(c.node, 'mode', 'constant');
  const sourceOf = sources[mode];
  if (!sourceOf) {
    const kept = padBack(c, c.input(1), c.input(3));
    const total = (value: string) => c.op('ReduceSum', [value], { keepdims: 0 });
    return [kept, undefined, c.when(2, () => c.op('Sub', [total(c.dy), total(kept)]))];
  }
  const pads = readPads(c);
  const dims = c.dims(c.input(0));
  const rank = dims.length;
  const folded = dims.reduce((dy, size, axis) => {
    const [begin, end] = [pads.begin[axis]!, pads.end[axis]!];
    if (begin === 0 && end === 0) return dy;
    // What negative pads take away goes first: copies are of what is left.
    const cut = Math.max(0, -begin);
    const left = size - cut - Math.max(0, -end);
    const positions = Array.from(
      { length: size + begin + end },
      (_, at) => cut + sourceOf(at - Math.max(0, begin), left),
    );
    return fold(c, dy, rank, axis, size, positions);
  }, c.dy);
  return [folded];
};

export const padding: Record<string, Rule> = { Pad: pad };
