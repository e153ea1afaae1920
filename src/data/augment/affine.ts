import type { PixelChange } from './colour.js';

/** Source (x, y) of a pixel (x, y): [a b c; d e f]. */
type Matrix = readonly [number, number, number, number, number, number];

/** Bits behind the point. */
const BITS = 16;
const fixed = (value: number): number => Math.floor(value * 2 ** BITS + 0.5);

/** Each pixel from the nearest of the image, black from outside; as Pillow's AFFINE with NEAREST. */
const affine =
  (matrixOf: (height: number, width: number) => Matrix): PixelChange =>
  (image, [channels, height, width]) => {
    const [a, b, c, d, e, f] = matrixOf(height, width);
    // Without a turn, Pillow steps in floats.
    const isScaled = b === 0 && d === 0;
    const unit = isScaled ? (value: number) => value : fixed;
    const whole = isScaled ? Math.floor : (value: number) => value >> BITS;
    const plane = height * width;
    const source = image.slice(0, channels * plane);
    let rowX = unit(c + a * 0.5 + b * 0.5);
    let rowY = unit(f + d * 0.5 + e * 0.5);
    for (let y = 0; y < height; y++) {
      let [atX, atY] = [rowX, rowY];
      for (let x = 0; x < width; x++) {
        const [fromX, fromY] = [whole(atX), whole(atY)];
        const isInside = fromX >= 0 && fromX < width && fromY >= 0 && fromY < height;
        for (let channel = 0; channel < channels; channel++)
          image[channel * plane + y * width + x] = isInside
            ? source[channel * plane + fromY * width + fromX]!
            : 0;
        atX += unit(a);
        atY += unit(d);
      }
      rowX += unit(b);
      rowY += unit(e);
    }
  };

/** By a share of the height, about the upper left corner. */
export const shearX = (share: number): PixelChange => affine(() => sheared(Math.atan(share), 0));
/** By a share of the width, about the upper left corner. */
export const shearY = (share: number): PixelChange => affine(() => sheared(0, Math.atan(share)));

/** torchvision's inverse of a shear by two angles. */
function sheared(x: number, y: number): Matrix {
  const a = Math.cos(-y) / Math.cos(y);
  const b = (-Math.cos(-y) * Math.tan(x)) / Math.cos(y);
  const c = Math.sin(-y) / Math.cos(y);
  const d = (-Math.sin(-y) * Math.tan(x)) / Math.cos(y) + 1;
  return [d, -b, 0, -c, a, 0];
}

/** By whole pixels to the right and down. */
export const translate = (x: number, y: number): PixelChange =>
  affine(() => [1, 0, -Math.trunc(x), 0, 1, -Math.trunc(y)]);

/** By an angle in degrees, against the clock, about the centre. */
export const rotate = (degrees: number): PixelChange => {
  const angle = (-(((degrees % 360) + 360) % 360) * Math.PI) / 180;
  const [cos, sin] = [rounded(Math.cos(angle)), rounded(Math.sin(angle))];
  return affine((height, width) => {
    const [x, y] = [width / 2, height / 2];
    return [cos, sin, cos * -x + sin * -y + x, -sin, cos, -sin * -x + cos * -y + y];
  });
};

const rounded = (value: number): number => Number(value.toFixed(15));
