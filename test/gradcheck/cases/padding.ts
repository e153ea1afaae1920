import { type GradientCase, wrt } from '../case.js';

const pad = (
  mode: string | undefined,
  name: string,
  x: readonly number[],
  pads: readonly number[],
  axes?: readonly number[],
  opset = 18,
): GradientCase => ({
  name: `Pad by ${mode ?? 'default'} ${name}`,
  inputs: { x: wrt(x) },
  build: (builder) =>
    builder.op('Pad', ['x', builder.ints(pads), ...(axes ? ['', builder.ints(axes)] : [])], { mode }),
  opset: mode === 'wrap' ? 19 : opset,
});

export const paddingCases: GradientCase[] = [
  ...['reflect', 'edge', 'wrap'].flatMap((mode) => [
    pad(mode, 'of a vector', [5], [2, 3]),
    pad(mode, 'of one side', [2, 5], [0, 3, 0, 0]),
    pad(mode, 'of the other side', [5, 2], [0, 0, 3, 0]),
    pad(mode, 'of every side', [3, 4], [2, 1, 1, 3]),
    pad(mode, 'of images', [2, 2, 4, 3], [0, 0, 1, 2, 0, 0, 2, 1]),
    pad(mode, 'of given axes', [2, 4, 3], [2, 1], [-2]),
    pad(mode, 'by nothing', [2, 3], [0, 0, 0, 0]),
    pad(mode, 'by one', [4], [1, 1]),
  ]),
  pad('edge', 'of an axis of one', [2, 1], [0, 2, 0, 2]),
  pad('edge', 'by more than there is', [2], [5, 4]),
  pad('wrap', 'by all there is', [3], [3, 3]),
  pad('reflect', 'by all but one', [4], [3, 3], undefined, 17),
  pad('edge', 'with a negative end', [5], [2, -1]),
  pad(undefined, 'with negative ends', [4, 5], [-1, 2, 1, -2]),
  pad('constant', 'with only negative ends', [4, 5], [-1, -2, 0, -1]),
  pad('constant', 'of given axes, some negative', [2, 5], [-1, 2], [1]),
  {
    name: 'Pad with a value that is learned',
    inputs: { x: wrt([2, 4]), value: wrt([]) },
    build: (builder) => builder.op('Pad', ['x', builder.ints([1, -1, 0, 2]), 'value']),
  },
];
