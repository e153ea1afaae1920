import test from 'ava';
import { fromArrays, subset } from '../../../src/data/index.js';
import { countingSet } from './sets.js';

const shape = [1, 1, 2] as const;

test('arrays become shared memory, bytes stay bytes, and the defaults follow them', (t) => {
  const bytes = fromArrays({ shape, train: { images: new Uint8Array([1, 2, 3, 4]), labels: [0, 2] } });
  t.deepEqual([...bytes.train.images], [1, 2, 3, 4]);
  t.true(bytes.train.images instanceof Uint8Array);
  t.true(bytes.train.images.buffer instanceof SharedArrayBuffer);
  t.true(bytes.train.labels.buffer instanceof SharedArrayBuffer);
  t.like(bytes, { name: 'custom', classes: 3, classNames: ['0', '1', '2'], scale: 255, test: { size: 0 } });

  const labels = BigInt64Array.of(1n, 0n);
  const floats = fromArrays({
    shape,
    train: { images: [0.5, -1, 2, 3], labels },
    test: { images: [1, 2], labels: [1] },
  });
  t.deepEqual(
    floats.train.images,
    new Float32Array(new SharedArrayBuffer(16)).map((_, i) => [0.5, -1, 2, 3][i]!),
  );
  t.deepEqual([...floats.train.labels], [1, 0]);
  t.like(floats, { classes: 2, scale: 1, test: { size: 1 } });
});

const good = { images: [1, 2, 3, 4], labels: [0, 1] };
const refused: [what: string, source: Parameters<typeof fromArrays>[0], message: RegExp][] = [
  [
    'too few pixels',
    { shape, train: { images: [1, 2, 3], labels: [0, 1] } },
    /train\.images holds 3 .* need 4/,
  ],
  ['no samples', { shape, train: { images: [], labels: [] } }, /train\.labels is empty/],
  [
    'a label beyond the classes',
    { shape, classes: 2, train: { images: [1, 2], labels: [2] } },
    /train\.labels\[0\] is 2/,
  ],
  [
    'a negative label',
    { shape, train: { images: [1, 2, 3, 4], labels: [1, -1] } },
    /train\.labels\[1\] is -1/,
  ],
  ['a fractional label', { shape, train: { images: [1, 2], labels: [0.5] } }, /train\.labels\[0\] is 0\.5/],
  [
    'a test label unknown to training',
    { shape, train: good, test: { images: [1, 2], labels: [2] } },
    /test\.labels\[0\] is 2/,
  ],
  [
    'a pixel that is not finite',
    { shape, train: { images: [1, Number.NaN], labels: [0] } },
    /train\.images\[1\] is NaN/,
  ],
  [
    'an impossible shape',
    { shape: [1, 0, 2], train: good },
    /shape to be three positive integers.*\[1, 0, 2\]/,
  ],
  [
    'bytes tested on floats',
    { shape, train: good, test: { images: new Uint8Array(2), labels: [0] } },
    /test\.images/,
  ],
  ['a scale of zero', { shape, train: good, scale: 0 }, /scale/],
  ['too few class names', { shape, train: good, classNames: ['one'] }, /classNames/],
];
for (const [what, source, message] of refused) {
  test(`arrays with ${what} are refused`, (t) => {
    t.throws(() => fromArrays(source), { name: 'FlatminError', message });
  });
}

test('a subset keeps images with their labels, without repetition, the same for the same seed', (t) => {
  const whole = countingSet(30);
  const pixels = 2 * 4 * 6;
  const part = subset(whole, { train: 12, seed: 3 });
  t.is(part.train.size, 12);
  t.is(part.test, whole.test);

  const sampleAt = (images: ArrayLike<number>, i: number) =>
    String(Array.from(images).slice(i * pixels, (i + 1) * pixels));
  const originals = Array.from({ length: 30 }, (_, i) => sampleAt(whole.train.images, i));
  const chosen = Array.from({ length: 12 }, (_, i) => originals.indexOf(sampleAt(part.train.images, i)));
  t.is(new Set(chosen).size, 12);
  t.false(chosen.includes(-1));
  t.deepEqual(
    [...part.train.labels],
    chosen.map((i) => i % 3),
  );

  t.deepEqual(subset(whole, { train: 12, seed: 3 }).train.images, part.train.images);
  t.notDeepEqual(subset(whole, { train: 12, seed: 4 }).train.images, part.train.images);
});

test('a subset larger than the data set is refused with both numbers', (t) => {
  t.throws(() => subset(countingSet(30), { train: 31 }), { message: /at most 30.*31/s });
});
