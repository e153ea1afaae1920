import { filled, type NdArray, normalizeAxis, stridesOf } from '../nd-array.js';

/** Replaces each line along an axis by another of a given length. */
export function mapLines(
  x: NdArray,
  axis: number,
  length: number,
  compute: (line: Float64Array) => ArrayLike<number>,
): NdArray {
  const at = normalizeAxis(axis, x.dims.length);
  const size = x.dims[at]!;
  const step = stridesOf(x.dims)[at]!;
  const y = filled(x.dims.map((dim, other) => (other === at ? length : dim)));
  const lines = size === 0 ? 0 : x.data.length / size;
  for (let line = 0; line < lines; line++) {
    const [outer, inner] = [Math.floor(line / step), line % step];
    const values = Float64Array.from({ length: size }, (_, i) => x.data[(outer * size + i) * step + inner]!);
    Array.from(compute(values)).forEach((value, i) => {
      y.data[(outer * length + i) * step + inner] = value;
    });
  }
  return y;
}
