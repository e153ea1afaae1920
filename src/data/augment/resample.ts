/** Part of an image, in pixels. */
export interface Box {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** Bytes of an image, as decoders give them (channels of a pixel behind each other) or as models take them (one plane a channel). */
export interface Pixels {
  readonly data: Uint8Array;
  /** Of the first sample. */
  readonly offset: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Whether the channels of a pixel are behind each other. */
  readonly interleaved: boolean;
}

/** A box of an image, made `height` × `width`, of which the window is what is wanted. */
export interface Resampling {
  readonly box: Box;
  readonly height: number;
  readonly width: number;
  /** Default: all. */
  readonly window?: Box;
}

/** Bits behind the point of the weights. */
const PRECISION = 22;
const HALF = 1 << (PRECISION - 1);

/**
 * Bilinear resampling that averages over all pixels which a smaller image leaves out, as Pillow's (BILINEAR), and so torchvision's of
 * Pillow images, to the last bit: columns, then rows, each rounded to bytes. The box is cut out first: nothing beyond it counts.
 * @param out planes of the window, one for each channel, from `at` on
 */
export function resample(
  { data, offset, channels, height: rows, width: columns, interleaved }: Pixels,
  { box, height, width, window = { top: 0, left: 0, height, width } }: Resampling,
  out: Uint8Array,
  at = 0,
): void {
  const across = weightsOf(box.width, width, window.left, window.width);
  const down = weightsOf(box.height, height, window.top, window.height);
  const first = down.starts[0]!;
  const last = down.starts[window.height - 1]! + down.counts[window.height - 1]!;
  const [step, rowStep, planeStep] = interleaved
    ? [channels, columns * channels, 1]
    : [1, columns, rows * columns];
  const plane = window.height * window.width;
  const held = (last - first) * window.width;
  const between = scratch(channels * held);
  const origin = offset + (box.top + first) * rowStep + box.left * step;
  const isColour = interleaved && channels === 3;
  for (let y = 0; y < last - first; y++) {
    const from = origin + y * rowStep;
    const to = y * window.width;
    if (isColour) resampleColours(data, from, across, between, to, held);
    else
      for (let channel = 0; channel < channels; channel++)
        resampleRow(data, from + channel * planeStep, step, across, between, to + channel * held);
  }
  for (let channel = 0; channel < channels; channel++)
    resampleColumns(between, channel * held, window.width, first, down, out, at + channel * plane);
}

/** The nearest pixel for each, of one plane of `columns` a row, as Pillow's NEAREST of a box. */
export function nearest(
  data: Uint8Array,
  columns: number,
  { box, height, width, window = { top: 0, left: 0, height, width } }: Resampling,
  out: Uint8Array,
): void {
  for (let y = 0; y < window.height; y++) {
    const row = box.top + Math.floor(((window.top + y + 0.5) * box.height) / height);
    for (let x = 0; x < window.width; x++) {
      const column = box.left + Math.floor(((window.left + x + 0.5) * box.width) / width);
      out[y * window.width + x] = data[row * columns + column]!;
    }
  }
}

function resampleRow(
  data: Uint8Array,
  from: number,
  step: number,
  { starts, counts, weights, most, isIdentity }: Weights,
  out: Uint8Array,
  to: number,
): void {
  for (let x = 0; x < starts.length; x++) {
    let at = from + starts[x]! * step;
    if (isIdentity) {
      out[to + x] = data[at]!;
      continue;
    }
    const end = x * most + counts[x]!;
    let sum = HALF;
    for (let k = x * most; k < end; k++, at += step) sum = (sum + Math.imul(data[at]!, weights[k]!)) | 0;
    out[to + x] = sum >> PRECISION;
  }
}

/** As `resampleRow`, of three channels that are behind each other, into rows that are `plane` apart. */
function resampleColours(
  data: Uint8Array,
  from: number,
  { starts, counts, weights, most }: Weights,
  out: Uint8Array,
  to: number,
  plane: number,
): void {
  for (let x = 0; x < starts.length; x++) {
    const end = x * most + counts[x]!;
    let [red, green, blue] = [HALF, HALF, HALF];
    for (let k = x * most, at = from + starts[x]! * 3; k < end; k++, at += 3) {
      const weight = weights[k]!;
      red = (red + Math.imul(data[at]!, weight)) | 0;
      green = (green + Math.imul(data[at + 1]!, weight)) | 0;
      blue = (blue + Math.imul(data[at + 2]!, weight)) | 0;
    }
    out[to + x] = red >> PRECISION;
    out[to + plane + x] = green >> PRECISION;
    out[to + 2 * plane + x] = blue >> PRECISION;
  }
}

function resampleColumns(
  data: Uint8Array,
  origin: number,
  width: number,
  first: number,
  { starts, counts, weights, most, isIdentity }: Weights,
  out: Uint8Array,
  at: number,
): void {
  for (let y = 0; y < starts.length; y++) {
    const from = origin + (starts[y]! - first) * width;
    const to = at + y * width;
    if (isIdentity) {
      out.set(data.subarray(from, from + width), to);
      continue;
    }
    const begin = y * most;
    const end = begin + counts[y]!;
    for (let x = 0; x < width; x++) {
      let sum = HALF;
      for (let k = begin, p = from + x; k < end; k++, p += width)
        sum = (sum + Math.imul(data[p]!, weights[k]!)) | 0;
      out[to + x] = sum >> PRECISION;
    }
  }
}

/** Which samples of a line make each new one. */
interface Weights {
  readonly starts: Int32Array;
  readonly counts: Int32Array;
  /** `most` for each new sample, of which `counts` are used. */
  readonly weights: Int32Array;
  readonly most: number;
  /** The line is as it was. */
  readonly isIdentity: boolean;
}

/** The triangle filter, widened where the line gets shorter. */
function weightsOf(from: number, to: number, first: number, count: number): Weights {
  const scale = from / to;
  const support = Math.max(1, scale);
  const most = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(count);
  const counts = new Int32Array(count);
  const weights = new Int32Array(count * most);
  const row = new Float64Array(most);
  for (let i = 0; i < count; i++) {
    const centre = (first + i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const used = Math.min(from, Math.trunc(centre + support + 0.5)) - start;
    let sum = 0;
    for (let k = 0; k < used; k++) {
      row[k] = Math.max(0, 1 - Math.abs((k + start - centre + 0.5) * (1 / support)));
      sum += row[k]!;
    }
    for (let k = 0; k < used; k++) weights[i * most + k] = Math.trunc(0.5 + (row[k]! / sum) * 2 ** PRECISION);
    starts[i] = start;
    counts[i] = used;
  }
  // Triangles that meet at samples are no identity by their starts: each has a neighbour of weight 0.
  if (from === to) {
    counts.fill(1);
    for (let i = 0; i < count; i++) {
      starts[i] = first + i;
      weights[i * most] = 2 ** PRECISION;
    }
  }
  return { starts, counts, weights, most, isIdentity: from === to };
}

let buffer = new Uint8Array();
/** Of this thread, between two passes. */
function scratch(length: number): Uint8Array {
  if (buffer.length < length) buffer = new Uint8Array(length);
  return buffer;
}
