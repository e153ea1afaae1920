/** Channels × height × width. */
export type ImageShape = readonly [channels: number, height: number, width: number];

/** C·H·W. */
export function pixelsOf([channels, height, width]: ImageShape): number {
  return channels * height * width;
}
