import { intAttribute, stringAttribute } from '../../onnx/attributes.js';
import { DataType, elementCount } from '../../onnx/tensors/tensor.js';
import type { DecomposeContext, Decomposition } from './context.js';

/** A tap of the interpolation along one axis: the pixel it reads, and its weight (undefined: 1), each [batch, 1, points]. */
interface Tap {
  readonly pixel: string;
  readonly weight: string | undefined;
}

/**
 * X [N, C, D1, …], grid [N, o1, …, axes] with the last axis of X first, in [−1, 1]. Weights depend on the grid smoothly, pixels do not.
 * Source: ONNX specification of GridSample, opsets 16 to 22.
 */
export const gridSample: Decomposition = (c) => {
  const [x, grid] = [c.input(0), c.input(1)];
  const [batch, channels, ...sizes] = c.dims(x) as [number, number, ...number[]];
  const outputs = c.dims(grid).slice(1, -1);
  const points = elementCount(outputs);
  const coordinates = c.reshape(grid, [batch, points, sizes.length]);
  const perAxis = sizes.map((size, axis) => {
    const at = sizes.length - 1 - axis;
    return taps(c, c.reshape(c.slice(coordinates, 2, at, at + 1), [batch, 1, points]), size);
  });
  const flat = c.reshape(x, [batch, channels, elementCount(sizes)]);
  const every = c.builder.ints([batch, channels, points]);
  const terms = combine(c, perAxis, sizes).map(({ pixel, weight }) => {
    const index = c.op('Expand', [c.op('Cast', [pixel], { to: DataType.int64 }), every]);
    const value = c.op('GatherElements', [flat, index], { axis: 2 });
    return weight ? c.op('Mul', [value, weight]) : value;
  });
  const total = terms.length === 1 ? terms[0]! : c.op('Sum', terms);
  c.defineReshaped(0, total, [batch, channels, ...outputs]);
};

/** Every combination of one tap an axis: row-major position in X and product of the weights. */
function combine(c: DecomposeContext, perAxis: readonly (readonly Tap[])[], sizes: readonly number[]): Tap[] {
  let combined: readonly Tap[] = perAxis[0]!;
  perAxis.slice(1).forEach((axisTaps, index) => {
    const width = c.scalar(sizes[index + 1]!);
    combined = combined.flatMap((outer) =>
      axisTaps.map((inner) => ({
        pixel: c.op('Add', [c.op('Mul', [outer.pixel, width]), inner.pixel]),
        weight: product(c, outer.weight, inner.weight),
      })),
    );
  });
  return [...combined];
}

const product = (c: DecomposeContext, a: string | undefined, b: string | undefined): string | undefined =>
  a && b ? c.op('Mul', [a, b]) : (a ?? b);

function taps(c: DecomposeContext, coordinate: string, size: number): Tap[] {
  const aligned = intAttribute(c.node, 'align_corners', 0) === 1;
  // Pixel units: aligned, −1 and 1 are the centres of the first and last pixel; else their outer edges.
  const shifted = c.op('Add', [coordinate, c.scalar(1)]);
  const position = aligned
    ? c.op('Mul', [shifted, c.scalar((size - 1) / 2)])
    : c.op('Sub', [c.op('Mul', [shifted, c.scalar(size / 2)]), c.scalar(0.5)]);
  const mode = stringAttribute(c.node, 'mode', 'linear');
  if (mode === 'nearest') return [readable(c, c.op('Round', [position]), undefined, size, aligned)];
  const first = c.op('Floor', [position]);
  const fraction = c.op('Sub', [position, first]);
  const weights = mode.endsWith('cubic') ? cubicWeights(c, fraction) : linearWeights(c, fraction);
  const start = weights.length / 2 - 1;
  return weights.map((weight, tap) =>
    readable(c, c.op('Add', [first, c.scalar(tap - start)]), weight, size, aligned),
  );
}

const linearWeights = (c: DecomposeContext, fraction: string): string[] => [
  c.op('Sub', [c.scalar(1), fraction]),
  fraction,
];

/** Keys' cubic convolution with a = −0.75 at distances 1 + t, t, 1 − t, 2 − t. */
function cubicWeights(c: DecomposeContext, fraction: string): string[] {
  const a = -0.75;
  // Horner's scheme, the highest power first.
  const polynomial = (x: string, [first, ...others]: readonly number[]) =>
    others.reduce(
      (value, coefficient) => c.op('Add', [c.op('Mul', [value, x]), c.scalar(coefficient)]),
      c.scalar(first!),
    );
  const near = (x: string) => polynomial(x, [a + 2, -(a + 3), 0, 1]);
  const far = (x: string) => polynomial(x, [a, -5 * a, 8 * a, -4 * a]);
  const rest = c.op('Sub', [c.scalar(1), fraction]);
  return [
    far(c.op('Add', [fraction, c.scalar(1)])),
    near(fraction),
    near(rest),
    far(c.op('Add', [rest, c.scalar(1)])),
  ];
}

/** The tap with its pixel inside the image, as padding_mode says; outside it, 'zeros' weighs nothing. */
function readable(
  c: DecomposeContext,
  pixel: string,
  weight: string | undefined,
  size: number,
  aligned: boolean,
): Tap {
  const mode = stringAttribute(c.node, 'padding_mode', 'zeros');
  if (mode === 'reflection') {
    const [period, last] = aligned ? [2 * (size - 1), 2 * (size - 1)] : [2 * size, 2 * size - 1];
    if (period === 0) return { pixel: c.op('Mul', [pixel, c.scalar(0)]), weight };
    const turns = c.op('Floor', [c.op('Div', [pixel, c.scalar(period)])]);
    const inPeriod = c.op('Sub', [pixel, c.op('Mul', [turns, c.scalar(period)])]);
    return { pixel: c.op('Min', [inPeriod, c.op('Sub', [c.scalar(last), inPeriod])]), weight };
  }
  const inside = c.op('Clip', [pixel, c.scalar(0), c.scalar(size - 1)]);
  if (mode === 'border') return { pixel: inside, weight };
  const hit = c.op('Cast', [c.op('Equal', [inside, pixel])], { to: c.type(c.input(0)).type });
  return { pixel: inside, weight: product(c, weight, hit) };
}
