import test from 'ava';
import { centreOf, erasedBox, mixedBox, randomCrop } from '../../../../src/data/augment/boxes.js';
import * as colour from '../../../../src/data/augment/colour.js';
import { OPERATIONS } from '../../../../src/data/augment/randaugment.js';
import { type Resampling, resample } from '../../../../src/data/augment/resample.js';
import { boxOf, drawn, interleaved, planes, references, shapeOf } from './references.js';

const { image, grey } = references;
const whole = { top: 0, left: 0, height: image.height, width: image.width };

/** The image of the fixtures, resampled from both orders of its bytes. */
function resampled(how: Resampling, pixels: number): Uint8Array[] {
  return [true, false].map((isInterleaved) => {
    const out = new Uint8Array(3 * pixels);
    const data = isInterleaved ? interleaved(image) : planes(image);
    resample({ ...image, data, offset: 0, interleaved: isInterleaved }, how, out);
    return out;
  });
}

for (const { box, size, image: expected } of references.resized)
  test(`a box ${box} is resized to ${size} as torchvision's resized_crop does, to the last bit`, (t) => {
    const [height, width] = size;
    for (const out of resampled({ box: boxOf(box), height, width }, height * width))
      t.deepEqual(out, planes(expected));
  });

for (const { resize, crop, image: expected } of references.evaluated)
  test(`the centre ${crop} of an image resized to ${resize} is torchvision's, to the last bit`, (t) => {
    const [height, width] = crop;
    for (const out of resampled(centreOf(whole, resize, resize, height, width), height * width))
      t.deepEqual(out, planes(expected));
  });

test('boxes of random-resized crops are those that torchvision gets from the same draws', (t) => {
  for (const { size, draws, box } of references.crops)
    t.deepEqual(randomCrop(...size, [0.08, 1], drawn(draws)), boxOf(box), String(size));
});

test('boxes of random erasing are those that torchvision gets from the same draws', (t) => {
  for (const { size, draws, box } of references.erased) {
    // torchvision puts the whole image in its own place where nothing fits.
    const isNone = box[2] === size[0] && box[3] === size[1];
    t.deepEqual(erasedBox(...size, drawn(draws)), isNone ? undefined : boxOf(box), String(size));
  }
});

test('boxes and shares of CutMix are those that torchvision gets from the same draws', (t) => {
  for (const { lambda, draws, box, kept } of references.cutmix) {
    const found = mixedBox(image.height, image.width, lambda, drawn(draws));
    t.deepEqual(found, boxOf(box));
    t.true(Math.abs(1 - (found.height * found.width) / (image.height * image.width) - kept) < 1e-6);
  }
});

const changes: Record<string, (factor: number) => colour.PixelChange> = {
  brightness: colour.brightness,
  contrast: colour.contrast,
  saturation: colour.saturation,
  hue: colour.hue,
  sharpness: colour.sharpness,
  posterize: colour.posterize,
  solarize: colour.solarize,
  autocontrast: () => colour.autoContrast,
  equalize: () => colour.equalize,
  grey: () => colour.greyscale,
};

for (const { op, factor, grey: isGrey, image: expected } of references.ops)
  test(`${op} ${factor}${isGrey ? ' of a grey image' : ''} is Pillow's, to the last bit`, (t) => {
    const given = isGrey ? grey : image;
    const pixels = planes(given);
    changes[op]!(factor)(pixels, shapeOf(given));
    t.deepEqual(pixels, planes(expected));
  });

test('a chain of colour changes is that of Pillow, to the last bit', (t) => {
  const { order, factors, image: expected } = references.jitter;
  const pixels = planes(image);
  for (const at of order) {
    const [name, factor] = Object.entries(factors)[at]!;
    changes[name]!(factor)(pixels, shapeOf(image));
  }
  t.deepEqual(pixels, planes(expected));
});

test('the operations of RandAugment and their magnitudes are those of torchvision', (t) => {
  const { size, magnitudes } = references.randaugment;
  t.deepEqual(
    OPERATIONS.map(({ name }) => name),
    Object.keys(magnitudes),
  );
  for (const { name, value, signed } of OPERATIONS) {
    const expected = magnitudes[name]!;
    t.is(signed, expected.signed, name);
    for (let bin = 0; bin <= 30; bin++) {
      const wanted = typeof expected.values === 'number' ? expected.values : expected.values[bin]!;
      t.true(Math.abs(value(bin / 30, [3, ...size]) - wanted) < 1e-4, `${name} ${bin}`);
    }
  }
});

for (const { op, magnitude, image: expected } of references.randaugment.applied)
  test(`${op} by ${magnitude} is torchvision's, to the last bit`, (t) => {
    const pixels = planes(image);
    OPERATIONS.find(({ name }) => name === op)!.change(magnitude)(pixels, shapeOf(image));
    t.deepEqual(pixels, planes(expected));
  });
