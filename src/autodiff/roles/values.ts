import type { Tensor } from '../../onnx/proto.js';
import { decodeHalf, isHalfPrecision } from '../../onnx/tensors/floats.js';
import { tensorData } from '../../onnx/tensors/tensor.js';
import { isKnownNumber } from './known-numbers.js';

/** The elements of a floating-point tensor as numbers. */
export function floatValues(tensor: Tensor): Float32Array | Float64Array {
  const data = tensorData(tensor);
  const type = tensor.dataType ?? 0;
  if (isHalfPrecision(type)) return decodeHalf(type, data as Uint16Array);
  return data as Float32Array | Float64Array;
}

type Values = ArrayLike<number>;

export const isUniform = (values: Values): boolean => {
  for (let index = 1; index < values.length; index++) if (values[index] !== values[0]) return false;
  return true;
};

/** What masks hold at most: a softmax makes less than float32's rounding of it. Swin's windows have -100. */
const MASK_BELOW = -50;

/** Nothing but zeros and numbers that a softmax turns into zero. */
function isMask(values: Values): boolean {
  let [masked, open] = [0, 0];
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (value <= MASK_BELOW) masked++;
    else if (value === 0) open++;
    else return false;
  }
  return masked > 0 && open > 0;
}

/**
 * The different values, in order; undefined where there are more than a limit.
 * @param stride takes every so many elements, from `first` on
 */
function distinct(
  values: Values,
  limit: number,
  { first = 0, stride = 1, length = values.length } = {},
): number[] | undefined {
  const found = new Set<number>();
  for (let index = first; index < length; index += stride) {
    found.add(values[index]!);
    if (found.size > limit) return undefined;
  }
  return [...found].sort((a, b) => a - b);
}

/** Nothing but zeros and ones (or another number), both there: a mask, a selection, an identity. */
const isBinary = (values: Values): boolean => {
  const found = distinct(values, 2);
  return found !== undefined && found.length === 2 && found.includes(0);
};

/** Equal steps between numbers in order: what ranges and grids are made of. */
function isEvenlySpaced(sorted: readonly number[]): boolean {
  if (sorted.length < 3) return false;
  const [first, last] = [sorted[0]!, sorted.at(-1)!];
  const step = (last - first) / (sorted.length - 1);
  const error = 1e-4 * step + 4e-7 * Math.max(Math.abs(first), Math.abs(last));
  return sorted.every((value, index) => Math.abs(value - (first + index * step)) <= error);
}

/** Different coordinates that a grid has at most. */
const LARGEST_GRID = 2048;

/** A grid's or range's coordinates: each column of the last axis (or all elements) evenly spaced, in order or repeated. */
function isGrid(values: Values, dims: readonly number[]): boolean {
  const all = distinct(values, LARGEST_GRID);
  if (all && all.length >= 4 && isEvenlySpaced(all)) return true;
  if (isEvenlySpacedByRow(values, dims)) return true;
  const width = dims.at(-1) ?? 1;
  if (dims.length < 2 || width > 4 || values.length / width < 9) return false;
  const most = Math.min(LARGEST_GRID, values.length / width / 2);
  return Array.from({ length: width }, (_, first) => first).every((first) => {
    const found = distinct(values, most, { first, stride: width });
    return found !== undefined && (found.length === 1 || isEvenlySpaced(found));
  });
}

/** Distances, each row of them times a slope of its own. */
function isEvenlySpacedByRow(values: Values, dims: readonly number[]): boolean {
  const rows = dims.find((dim) => dim > 1) ?? 1;
  const length = values.length / rows;
  if (length < 9) return false;
  for (let row = 0; row < rows; row++) {
    const found = distinct(values, Math.min(LARGEST_GRID, length / 2), {
      first: row * length,
      length: (row + 1) * length,
    });
    if (!found || !isEvenlySpaced(found)) return false;
  }
  return true;
}

/** Equal quotients between neighbours: frequencies of positions, slopes of ALiBi. */
function isGeometric(values: Values): boolean {
  if (values.length < 4 || values[0] === 0) return false;
  const ratio = (values[1] ?? 0) / values[0]!;
  if (!Number.isFinite(ratio) || Math.abs(ratio - 1) < 1e-3 || ratio <= 0) return false;
  for (let index = 1; index < values.length; index++) {
    const quotient = values[index]! / values[index - 1]!;
    if (!(Math.abs(quotient / ratio - 1) < 1e-3)) return false;
  }
  return true;
}

/** Few values, many times each. */
function isRepetitive(values: Values): boolean {
  return values.length >= 9 && distinct(values, Math.floor(Math.sqrt(values.length))) !== undefined;
}

/** Shortest axis on which a recurrence of three terms says anything. */
const SHORTEST_WAVE = 6;
/** What rounding leaves of a recurrence: of its terms, and of the signal. */
const WAVE_ERROR = 2e-3;
const ROUNDING = 1e-6;
/** In 2 cos(ω): tables have a frequency a line, or some. */
const FREQUENCIES_APART = 1e-2;

/**
 * Sinusoids along an axis, up to a constant: position tables, bases of Fourier transforms, windows. The differences d of neighbours
 * satisfy d[t+1] + d[t−1] = 2 cos(ω)·d[t], with one ω a line.
 */
function isSinusoidal(values: Values, dims: readonly number[], axis: number): boolean {
  const length = dims[axis]!;
  if (length < SHORTEST_WAVE) return false;
  const inner = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const lines = values.length / length;
  let [lowest, highest] = [2, -2];
  for (let line = 0; line < lines; line++) {
    const first = Math.floor(line / inner) * length * inner + (line % inner);
    const at = (index: number) => values[first + index * inner]!;
    let scale = 0;
    let [cross, square] = [0, 0];
    for (let t = 0; t < length; t++) scale += at(t) ** 2;
    const step = (t: number) => at(t + 1) - at(t);
    for (let t = 1; t < length - 2; t++) {
      cross += step(t) * (step(t + 1) + step(t - 1));
      square += step(t) ** 2;
    }
    if (square <= 1e-9 * scale) continue;
    const k = cross / square;
    let error = 0;
    for (let t = 1; t < length - 2; t++) error += (step(t + 1) + step(t - 1) - k * step(t)) ** 2;
    if (Math.abs(k) > 2.0001 || error > WAVE_ERROR ** 2 * square + ROUNDING ** 2 * scale) return false;
    if (k < 1.9999) [lowest, highest] = [Math.min(lowest, k), Math.max(highest, k)];
  }
  if (lowest === 2) return false;
  return highest - lowest > FREQUENCIES_APART || areLinesEqual(values, length, inner);
}

/** Whether all lines along an axis are one, repeated. */
function areLinesEqual(values: Values, length: number, inner: number): boolean {
  for (let index = 0; index < values.length; index++) {
    const t = Math.floor(index / inner) % length;
    if (values[index] !== values[t * inner]) return false;
  }
  return true;
}

/** Equal steps along an axis, in every line of it. */
function isLinear(values: Values, dims: readonly number[], axis: number): boolean {
  const length = dims[axis]!;
  if (length < SHORTEST_WAVE) return false;
  const inner = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const lines = values.length / length;
  let slopes = 0;
  for (let line = 0; line < lines; line++) {
    const first = Math.floor(line / inner) * length * inner + (line % inner);
    const at = (index: number) => values[first + index * inner]!;
    const step = (at(length - 1) - at(0)) / (length - 1);
    const error = 1e-4 * Math.abs(step) + 4e-7 * Math.max(Math.abs(at(0)), Math.abs(at(length - 1)));
    for (let t = 1; t < length - 1; t++) if (Math.abs(at(t) - at(0) - t * step) > error) return false;
    if (step !== 0) slopes++;
  }
  return slopes > 0;
}

/** Pairs of a sine and a cosine along the last axis, at a half or a quarter of it from each other, or side by side. */
function isPythagorean(values: Values, dims: readonly number[]): boolean {
  const width = dims.at(-1) ?? 0;
  if (dims.length < 2 || width < 4 || width % 2 !== 0 || values.length < 16) return false;
  const one = (a: number, b: number) => Math.abs(a * a + b * b - 1) < 2e-3;
  const paired = (partner: (index: number) => number) => {
    for (let index = 0; index < values.length; index++) {
      const other = partner(index % width);
      if (other > index % width && !one(values[index]!, values[index - (index % width) + other]!))
        return false;
    }
    return true;
  };
  const apart = (distance: number) => (index: number) =>
    Math.floor(index / distance) % 2 === 0 ? index + distance : index - distance;
  return paired(apart(width / 2)) || paired(apart(1)) || (width % 4 === 0 && paired(apart(width / 4)));
}

/** Rows of windowed cosines, then as many of sines: the sum of their squares is the window's, whatever the frequency. */
function isFourierBasis(values: Values, dims: readonly number[]): boolean {
  const rows = dims[0] ?? 0;
  const length = rows === 0 ? 0 : values.length / rows;
  if (dims.length < 2 || rows < 6 || rows % 2 !== 0 || length < SHORTEST_WAVE) return false;
  const half = rows / 2;
  const power = (row: number, t: number) =>
    values[row * length + t]! ** 2 + values[(row + half) * length + t]! ** 2;
  let total = 0;
  for (let t = 0; t < length; t++) total += power(0, t);
  if (total === 0) return false;
  for (let row = 1; row < half; row++) {
    let error = 0;
    for (let t = 0; t < length; t++) error += Math.abs(power(row, t) - power(0, t));
    if (error > 1e-2 * total) return false;
  }
  return true;
}

/** Overlapping triangles along an axis: mel and other filter banks. */
function isFilterBank(values: Values, dims: readonly number[]): boolean {
  const shape = dims.filter((dim) => dim !== 1);
  if (shape.length !== 2 || values.length < 64) return false;
  let zeros = 0;
  for (let index = 0; index < values.length; index++) {
    if (values[index]! < 0) return false;
    if (values[index] === 0) zeros++;
  }
  if (zeros < 0.5 * values.length) return false;
  const [rows, width] = shape as [number, number];
  const hasRuns = (lines: number, length: number, at: (line: number, t: number) => number) => {
    for (let line = 0; line < lines; line++) {
      let runs = 0;
      for (let t = 0; t < length; t++) if (at(line, t) > 0 && (t === 0 || at(line, t - 1) === 0)) runs++;
      if (runs > 1) return false;
    }
    return true;
  };
  return (
    hasRuns(rows, width, (row, t) => values[row * width + t]!) &&
    hasRuns(width, rows, (column, t) => values[t * width + column]!)
  );
}

/** One kernel for every channel: blurs and other fixed filters. Learned ones are never equal. */
function isOneKernel(values: Values, dims: readonly number[]): boolean {
  const channels = dims[0] ?? 0;
  const size = values.length / channels;
  if (dims.length < 3 || channels < 2 || size < 2) return false;
  for (let index = size; index < values.length; index++)
    if (values[index] !== values[index % size]) return false;
  return true;
}

const isCounting = (values: Values): boolean => {
  if (values.length < 4) return false;
  for (let index = 0; index < values.length; index++) if (values[index] !== index) return false;
  return true;
};

/** How a table was computed. */
export type Table =
  | 'consecutive integers'
  | 'an attention mask'
  | 'zeros and ones'
  | 'evenly spaced coordinates'
  | 'a geometric sequence'
  | 'sines and cosines'
  | 'a Fourier basis'
  | 'a filter bank'
  | 'the same kernel for every channel'
  | 'a few values, repeated';

/** The kind of table that values are, by what they are; undefined for all that a training may leave. Not for one repeated number. */
export function tableOf(values: Values, dims: readonly number[]): Table | undefined {
  if (values.length < 2 || isUniform(values)) return undefined;
  if (isCounting(values)) return 'consecutive integers';
  if (isMask(values)) return 'an attention mask';
  if (isBinary(values)) return 'zeros and ones';
  if (isFilterBank(values, dims)) return 'a filter bank';
  if (isGrid(values, dims)) return 'evenly spaced coordinates';
  if (dims.some((_, axis) => isLinear(values, dims, axis))) return 'evenly spaced coordinates';
  if (isGeometric(values)) return 'a geometric sequence';
  if (isPythagorean(values, dims)) return 'sines and cosines';
  if (dims.some((_, axis) => isSinusoidal(values, dims, axis))) return 'sines and cosines';
  if (isFourierBasis(values, dims)) return 'a Fourier basis';
  if (isOneKernel(values, dims)) return 'the same kernel for every channel';
  if (isRepetitive(values)) return 'a few values, repeated';
  return undefined;
}

/** Whether two tensors may have these values without being one: an initializer's choice, not what a training leaves. */
export function isUntrained(values: Values, dims: readonly number[]): boolean {
  if (isUniform(values)) return values.length > 1 || isKnownNumber(values[0] ?? 0);
  const table = tableOf(values, dims);
  return table === 'zeros and ones' || table === 'a few values, repeated';
}
