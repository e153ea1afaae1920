import test from 'ava';
import { imageShape } from '../../../../src/data/folder/image-size.js';

const input = (...dims: (number | string)[]) => [{ name: 'x', type: 'float', dims }];

test("a model's input says the size, with channels first or last", (t) => {
  t.deepEqual(imageShape(input('n', 3, 224, 192), undefined).shape, [3, 224, 192]);
  t.deepEqual(imageShape(input('n', 28, 30, 1), undefined).shape, [1, 28, 30]);
  t.deepEqual(imageShape(input(1, 3, 32, 32), '32').shape, [3, 32, 32]);
});

test('an open size is given, and an open number of channels is 3', (t) => {
  t.deepEqual(imageShape(input('n', 1, 'h', 'w'), '48x64').shape, [1, 48, 64]);
  t.deepEqual(imageShape(input('n', 'h', 'w', 3), '48').shape, [3, 48, 48]);
  const open = imageShape(input('n', 'c', 'h', 'w'), '48');
  t.deepEqual(open.shape, [3, 48, 48]);
  t.regex(open.notes[0]!, /channels open: images have 3/);
  t.deepEqual(imageShape(undefined, '32').shape, [3, 32, 32]);
});

test('a perceptron takes the images that fit its axis', (t) => {
  t.deepEqual(imageShape(input('n', 784), '28').shape, [1, 28, 28]);
  t.deepEqual(imageShape(input('n', 3072), '32').shape, [3, 32, 32]);
});

test('a size that is not told, or told twice and differently, is refused', (t) => {
  t.throws(() => imageShape(input('n', 3, 'h', 'w'), undefined), { message: /"x".*--image-size/ });
  t.throws(() => imageShape(undefined, undefined), { message: /--image-size 32/ });
  t.throws(() => imageShape(input('n', 3, 224, 224), '64'), {
    message: /takes images of 224×224, not 64×64/,
  });
  t.throws(() => imageShape(input('n', 100), '28'), {
    code: 'INVALID_MODEL',
    message: /no input for images.*"x" \(n × 100\)/,
  });
});
