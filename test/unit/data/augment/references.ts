import { readFileSync } from 'node:fs';
import type { Box } from '../../../../src/data/augment/resample.js';
import type { ImageShape } from '../../../../src/data/images/image-shape.js';

interface CodedImage {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly bytes: string;
}
type BoxList = readonly [top: number, left: number, height: number, width: number];
interface DrawnBox {
  readonly size: readonly [number, number];
  readonly draws: readonly number[];
  readonly box: BoxList;
}

/** What Pillow and torchvision made (test/fixtures/augment/make.py). */
export const references = JSON.parse(
  readFileSync(new URL('../../../../../test/fixtures/augment/references.json', import.meta.url), 'utf8'),
) as {
  image: CodedImage;
  grey: CodedImage;
  resized: { box: BoxList; size: [number, number]; image: CodedImage }[];
  evaluated: { resize: number; crop: [number, number]; image: CodedImage }[];
  crops: DrawnBox[];
  erased: DrawnBox[];
  cutmix: { lambda: number; draws: number[]; box: BoxList; kept: number }[];
  ops: { op: string; factor: number; grey?: boolean; image: CodedImage }[];
  jitter: { order: number[]; factors: Record<string, number>; image: CodedImage };
  randaugment: {
    size: [number, number];
    magnitudes: Record<string, { values: number[] | number; signed: boolean }>;
    applied: { op: string; magnitude: number; image: CodedImage }[];
  };
};

export const boxOf = ([top, left, height, width]: BoxList): Box => ({ top, left, height, width });
/** One number after the other. */
export const drawn = (draws: readonly number[]) => {
  let at = 0;
  return () => draws[at++]!;
};
export const interleaved = ({ bytes }: CodedImage): Uint8Array => Buffer.from(bytes, 'base64');
export const shapeOf = ({ channels, height, width }: CodedImage): ImageShape => [channels, height, width];

/** Planes, one for each channel. */
export function planes(image: CodedImage): Uint8Array {
  const { channels, height, width } = image;
  const source = interleaved(image);
  const plane = height * width;
  return Uint8Array.from(source, (_, i) => source[(i % plane) * channels + Math.floor(i / plane)]!);
}
