import { stringAttribute } from '../../../src/onnx/attributes.js';
import { dot, generate, type NdArray, normalizeAxes, stridesOf } from '../nd-array.js';
import type { Op, OpTable } from './op.js';

/** Position in a line of n elements that a position outside of it copies; undefined where it copies none. */
const copied: Record<string, (at: number, n: number) => number | undefined> = {
  constant: (at, n) => (at >= 0 && at < n ? at : undefined),
  edge: (at, n) => Math.min(n - 1, Math.max(0, at)),
  wrap: (at, n) => ((at % n) + n) % n,
  reflect: (at, n) => {
    let position = at;
    while (position < 0 || position >= n) position = position < 0 ? -position : 2 * (n - 1) - position;
    return position;
  },
};

/** A negative pad removes elements, before anything is copied. */
const pad: Op = ([x, padsInput, value, axesInput], node) => {
  const pads = [...padsInput!.data];
  const rank = x!.dims.length;
  const axes = axesInput ? normalizeAxes([...axesInput.data], rank) : x!.dims.map((_, axis) => axis);
  const ends = x!.dims.map(() => [0, 0] as [number, number]);
  axes.forEach((axis, i) => {
    ends[axis] = [pads[i]!, pads[i + axes.length]!];
  });
  return [padded(x!, ends, stringAttribute(node, 'mode', 'constant'), value?.data[0] ?? 0)];
};

function padded(x: NdArray, ends: readonly [number, number][], mode: string, value: number): NdArray {
  const strides = stridesOf(x.dims);
  const left = x.dims.map((size, axis) => size + Math.min(0, ends[axis]![0]) + Math.min(0, ends[axis]![1]));
  return generate(
    x.dims.map((size, axis) => size + ends[axis]![0] + ends[axis]![1]),
    (index) => {
      const at = index.map((position, axis) => {
        const [begin] = ends[axis]!;
        const source = copied[mode]!(position - Math.max(0, begin), left[axis]!);
        return source === undefined ? undefined : source + Math.max(0, -begin);
      });
      return at.includes(undefined) ? value : x.data[dot(strides, at as number[])]!;
    },
  );
}

export const pads: OpTable = { Pad: pad };
