import test from 'ava';
import { RandomStream } from '../gradcheck/random.js';
import { isolated } from './isolated.js';
import { type ConvCase, inputsOf } from './scenarios/conv-kernels.js';

const random = new RandomStream('convolution kernels');
const between = (low: number, high: number) => Math.floor(random.uniform(low, high + 1));
const pick = <T>(values: readonly T[]): T => values[between(0, values.length - 1)]!;

/** Channels of a group and of the result, and how many groups. */
type Channels = () => { group: number; into: number; out: number };

function randomCase(channels: Channels, dilated: boolean, axes: number): ConvCase {
  const each = <T>(make: (axis: number) => T): T[] => Array.from({ length: axes }, (_, axis) => make(axis));
  for (;;) {
    const { group, into, out } = channels();
    const kernel = each(() => pick([1, 2, 3, 3, 5, 7, 9]));
    const strides = each(() => pick([1, 1, 2, 3]));
    const dilations = each(() => (dilated ? pick([1, 2, 3]) : 1));
    const reach = kernel.map((size, axis) => (size - 1) * dilations[axis]! + 1);
    const sizes = each(() => pick([1, 4, 7, 8, 14, 17, 33]));
    const pads = [...reach, ...reach].map((size) => between(0, size - 1));
    if (!sizes.every((size, axis) => size + pads[axis]! + pads[axis + axes]! >= reach[axis]!)) continue;
    const x = [between(1, 5), group * into, ...sizes];
    return {
      x,
      w: [group * out, into, ...kernel],
      strides,
      dilations,
      pads,
      group,
      bias: between(0, 1) === 1,
    };
  }
}

const depthwise: Channels = () => ({ group: between(1, 5), into: 1, out: pick([1, 1, 1, 2, 3]) });
const dense: Channels = () => ({ group: 1, into: between(2, 35), out: between(1, 40) });

const few: Channels = () => ({ group: 1, into: between(1, 8), out: between(1, 40) });

const grouped: Channels = () => ({ group: between(2, 4), into: between(2, 20), out: between(1, 20) });

const list = (count: number, channels: Channels, dilated: boolean, axes: number) =>
  Array.from({ length: count }, () => randomCase(channels, dilated, axes));
const cases: readonly ConvCase[] = [
  ...list(24, depthwise, false, 2),
  ...list(12, depthwise, true, 2),
  ...list(8, depthwise, true, 1),
  ...list(16, dense, false, 2),
  ...list(6, dense, false, 1),
  ...list(12, few, false, 2),
  ...list(8, few, true, 2),
  ...list(8, dense, true, 2),
  ...list(12, grouped, true, 2),
  ...list(4, grouped, true, 1),
  // Images side by side in a row of scratch, and planes of several blocks of rows.
  ...[5, 7].map((size): ConvCase => {
    const pads = Array(4).fill((size - 1) / 2);
    return {
      x: [20, 3, 7, 7],
      w: [3, 1, size, size],
      strides: [1, 1],
      dilations: [1, 1],
      pads,
      group: 3,
      bias: true,
    };
  }),
  ...[1, 2].map((stride): ConvCase => {
    const strides = [stride, stride];
    return {
      x: [1, 2, 112, 112],
      w: [2, 1, 3, 3],
      strides,
      dilations: [1, 1],
      pads: [1, 1, 1, 1],
      group: 2,
      bias: false,
    };
  }),
];

/** Y, dX and dW in float64. */
function reference(each: ConvCase): Float64Array[] {
  const plane = (values: readonly number[], rest: number) =>
    values.length === 1 ? [rest, values[0]!] : values;
  const { X, W, B, dY, y } = inputsOf(each);
  const [batch, channels] = each.x as [number, number];
  const [outs, into] = each.w as [number, number];
  const [ih, iw] = plane(each.x.slice(2), 1) as [number, number];
  const [kh, kw] = plane(each.w.slice(2), 1) as [number, number];
  const [oh, ow] = plane(y.slice(2), 1) as [number, number];
  const [sh, sw] = plane(each.strides, 1) as [number, number];
  const [dh, dw] = plane(each.dilations, 1) as [number, number];
  const [top, left] = plane(each.pads.slice(0, each.strides.length), 0) as [number, number];
  const results = [dY, X, W].map(({ length }) => new Float64Array(length)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const [sum, dX, dW] = results;
  for (let n = 0; n < batch; n++)
    for (let o = 0; o < outs; o++)
      for (let r = 0; r < oh; r++)
        for (let c = 0; c < ow; c++) {
          const at = ((n * outs + o) * oh + r) * ow + c;
          sum[at] = each.bias ? B[o]! : 0;
          for (let i = 0; i < into; i++)
            for (let a = 0; a < kh; a++)
              for (let b = 0; b < kw; b++) {
                const [row, column] = [r * sh + a * dh - top, c * sw + b * dw - left];
                if (row < 0 || row >= ih || column < 0 || column >= iw) continue;
                const channel = Math.floor(o / (outs / each.group)) * into + i;
                const from = ((n * channels + channel) * ih + row) * iw + column;
                const tap = ((o * into + i) * kh + a) * kw + b;
                sum[at]! += X[from]! * W[tap]!;
                dX[from]! += dY[at]! * W[tap]!;
                dW[tap]! += dY[at]! * X[from]!;
              }
        }
  return results;
}

const references = cases.map(reference);

/** Winograd's form of dW, whose threads sum a part of the batch each. */
const sumsByThread = ({ w, strides, dilations, group }: ConvCase, name: string) =>
  name === 'dW' &&
  group === 1 &&
  w.length === 4 &&
  [...w.slice(2), ...strides, ...dilations].join() === '3,3,1,1,1,1';

/** Of the largest number: some 30 roundings, of Winograd's transforms too. */
const TOLERANCE = 4e-6;

for (const isa of ['avx512', 'avx2', 'generic'])
  test(`convolutions of random shapes are those of float64, the same on one and two threads, in ${isa}`, async (t) => {
    const run = (threads: number) =>
      isolated<number[][][]>(t, 'conv-kernels', 'results', [], { isa, threads, cases });
    const [one, two] = [await run(1), await run(2)];
    for (const [index, each] of cases.entries())
      for (const [part, name] of ['Y', 'dX', 'dW'].entries()) {
        const expected = references[index]![part]!;
        const found = one[index]![part]!;
        const said = `${name} of ${JSON.stringify(each)}`;
        const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
        const error = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - found[i]!)), 0);
        t.true(error <= TOLERANCE * scale, `${said}: off by ${error / scale} of the largest`);
        t.true(
          sumsByThread(each, name) || found.every((value, i) => Object.is(value, two[index]![part]![i])),
          `${said}: other on two threads`,
        );
      }
  });
