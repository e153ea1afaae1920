import { open } from 'node:fs/promises';
import type { Sharp, SharpOptions } from 'sharp';
import { FlatminError } from '../../errors.js';
import type { Pixels } from '../augment/resample.js';

/** What is asked of sharp. */
type MakeSharp = (image: string | Uint8Array, options: SharpOptions) => Sharp;

/** In pixels. */
export interface ImageSize {
  readonly height: number;
  readonly width: number;
}

/** Decodes one image a call in a thread of libuv's pool. */
export interface Decoder {
  /** Bytes of 1 or 3 channels of a file, or of what a file has. @throws Error of the decoder */
  decode(image: string | Uint8Array, channels: number): Promise<Pixels>;
  /**
   * Why a file is no whole image, as far as its header and its end tell; undefined where it is one.
   * @param size that it should be of
   */
  problemOf(file: string, size?: ImageSize): Promise<string | undefined>;
}

/** Pillow neither applies color profiles nor turns by EXIF, nor does this. */
const OPTIONS: SharpOptions = { failOn: 'error', ignoreIcc: true };

const importSharp = () => import('sharp');

/**
 * sharp, set for threads that decode side by side.
 * @throws FlatminError NOT_FOUND where it is not installed
 */
export async function openDecoder(load = importSharp): Promise<Decoder> {
  const sharp = await load().then(
    (module) => module.default,
    (cause) => {
      throw new FlatminError(
        'NOT_FOUND',
        'Images in files are decoded by sharp, which is not installed here: npm install sharp',
        { cause },
      );
    },
  );
  sharp.concurrency(1);
  sharp.cache(false);
  return {
    decode: (image, channels) => decode(sharp, image, channels),
    problemOf: (file, size) => problemOf(sharp, file, size),
  };
}

async function decode(sharp: MakeSharp, image: string | Uint8Array, channels: number): Promise<Pixels> {
  const { data, info } = await sharp(image, OPTIONS)
    .removeAlpha()
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { height, width } = info;
  const pixels = { offset: 0, height, width, interleaved: true };
  if (info.channels === channels) return { ...pixels, data, channels };
  const out = new Uint8Array(height * width * channels);
  if (channels === 1) {
    // Luma of ITU-R 601, as Pillow's.
    for (let i = 0, at = 0; i < out.length; i++, at += info.channels)
      out[i] = (data[at]! * 19595 + data[at + 1]! * 38470 + data[at + 2]! * 7471 + 0x8000) >> 16;
  } else {
    for (let i = 0; i < out.length; i++) out[i] = data[Math.floor(i / channels) * info.channels]!;
  }
  return { ...pixels, data: out, channels };
}

async function problemOf(sharp: MakeSharp, file: string, size?: ImageSize): Promise<string | undefined> {
  try {
    const { format, height, width } = await sharp(file, OPTIONS).metadata();
    if (size && (size.height !== height || size.width !== width))
      return `it is of ${height}×${width}, but its mask is of ${size.height}×${size.width}`;
    // What does not end as it should may be cut off, or have something behind it: only decoding tells. (stats() of several files at a time
    // loses errors.)
    if (!(await endsAsItShould(file, format))) await decode(sharp, file, 3);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

/** The first line of what a decoder says. */
export const reasonOf = (error: unknown): string =>
  String(error instanceof Error ? error.message : error).split('\n', 1)[0]!;

const TAIL = 16;
const ENDS: Readonly<Record<string, (tail: Buffer) => boolean>> = {
  jpeg: (tail) => tail.includes(Buffer.of(0xff, 0xd9)),
  png: (tail) => tail.includes('IEND'),
  // Their headers are not read where the rest is missing.
  gif: () => true,
  webp: () => true,
};

async function endsAsItShould(file: string, format: string): Promise<boolean> {
  const isEnd = ENDS[format];
  if (!isEnd) return false;
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const tail = Buffer.alloc(Math.min(TAIL, size));
    await handle.read(tail, 0, tail.length, size - tail.length);
    return isEnd(tail);
  } finally {
    await handle.close();
  }
}
