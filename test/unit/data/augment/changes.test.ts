import test from 'ava';
import {
  type Augmentation,
  type Batch,
  DataLoader,
  type Dataset,
  fromArrays,
  imageSource,
  loadDigits,
  parseAugmentation,
} from '../../../../src/data/index.js';
import { randomStream, symmetricBeta } from '../../../../src/data/random.js';
import { countingSet } from '../sets.js';

const identity = (channels: number) => ({ mean: Array(channels).fill(0), std: Array(channels).fill(1) });

/** All samples of an epoch as one batch, in their own order, not normalised. */
async function whole(
  dataset: Dataset,
  augment: string,
  { augmented = true, epoch = 0 } = {},
): Promise<Batch> {
  const augmentation = parseAugmentation(augment);
  const source = imageSource(dataset, { augmentation, normalization: identity(dataset.shape[0]) });
  const options = { batch: dataset.train.size, shuffle: false, workers: 0, augment: augmented };
  const { value } = await new DataLoader<Batch>({ source, split: 'train' }, options).epoch(epoch).next();
  return value as Batch;
}

/** Images of bytes in three classes. */
const bytes = (count: number): Dataset => {
  const images = Uint8Array.from(
    { length: count * 3 * 12 * 10 },
    (_, i) => (i * 7 + Math.floor(i / 360) * 31) % 251,
  );
  const labels = Int32Array.from({ length: count }, (_, i) => i % 3);
  return fromArrays({ shape: [3, 12, 10], classes: 3, train: { images, labels } });
};

test('the list of augmentations is parsed with the defaults of its parameters', (t) => {
  const given: [string, Augmentation][] = [
    ['rrc', { rrc: { min: 0.08, max: 1 } }],
    ['rrc=0.5:0.9', { rrc: { min: 0.5, max: 0.9 } }],
    ['randaugment', { randaugment: { operations: 2, magnitude: 9 } }],
    ['randaugment=1', { randaugment: { operations: 1, magnitude: 9 } }],
    ['jitter=0.4:0.3:0.2:0.1', { jitter: { brightness: 0.4, contrast: 0.3, saturation: 0.2, hue: 0.1 } }],
    ['jitter=0.4', { jitter: { brightness: 0.4, contrast: 0, saturation: 0, hue: 0 } }],
    [
      'erase, mixup=0.2 ,cutmix',
      { erase: { probability: 0.5 }, mixup: { alpha: 0.2 }, cutmix: { alpha: 1 } },
    ],
  ];
  for (const [spec, expected] of given) t.deepEqual(parseAugmentation(spec), expected);
});

for (const [spec, message] of [
  ['jitter=0.1:0:0:0.6', /augment jitter\.hue to be a number in \[0, 0\.5\]/],
  ['randaugment=2:31', /randaugment\.magnitude.* 0 to 30/],
  ['erase=2', /erase\.probability/],
  ['mixup=0', /mixup\.alpha/],
  ['flip=1', /'flip'/],
  ['jitter', /'jitter=B:C:S:H'/],
  ['blur', /rrc\[=MIN:MAX\].*cutmix\[=ALPHA\]/],
] as const)
  test(`${spec} is refused with what is expected`, (t) => {
    t.throws(() => parseAugmentation(spec), { code: 'INVALID_ARGUMENT', message });
  });

test('no change shifts the draws of another', async (t) => {
  const set = bytes(40);
  const flipped = (await whole(set, 'flip,crop=2:zero')).images as Float32Array;
  const erased = (await whole(set, 'flip,crop=2:zero,erase=1')).images as Float32Array;
  t.true(erased.every((value, i) => value === 0 || value === flipped[i]));
  t.notDeepEqual(erased, flipped);
  const [once, more] = [await whole(set, 'rrc,jitter=0.4'), await whole(set, 'rrc,jitter=0.4,grey=1')];
  const luma = (i: number) =>
    0.299 * Number(once.images![i]) +
    0.587 * Number(once.images![i + 120]) +
    0.114 * Number(once.images![i + 240]);
  for (let i = 0; i < 120; i++) t.true(Math.abs(Number(more.images![i]) - luma(i)) < 0.6 / 255);
});

test('MixUp sums two images of the batch by the shares of their classes', async (t) => {
  const set = bytes(3);
  const plain = (await whole(set, 'none')).images as Float32Array;
  const { images, labels } = await whole(set, 'mixup=1');
  for (let i = 0; i < 3; i++) {
    const shares = Array.from(labels as Float32Array).slice(3 * i, 3 * i + 3);
    t.true(Math.abs(shares[0]! + shares[1]! + shares[2]! - 1) < 1e-6);
    t.is(shares.filter((share) => share > 0).length, 2);
    t.true(shares[i]! > 0);
    for (let p = 0; p < 360; p++) {
      const sum = shares.reduce((all, share, sample) => all + share * plain[sample * 360 + p]!, 0);
      t.true(Math.abs(Number(images![i * 360 + p]) - sum) < 1e-6);
    }
  }
});

test('CutMix puts in a box of another image, with shares by area', async (t) => {
  const set = bytes(3);
  const plain = (await whole(set, 'none')).images as Float32Array;
  for (let epoch = 0; epoch < 8; epoch++) {
    const { images, labels } = await whole(set, 'cutmix', { epoch });
    for (let i = 0; i < 3; i++) {
      const shares = Array.from(labels as Float32Array).slice(3 * i, 3 * i + 3);
      const partner = shares.findIndex((share, sample) => sample !== i && share > 0);
      const other = partner < 0 ? i : partner;
      let kept = 0;
      for (let p = 0; p < 120; p++) {
        const at = (sample: number) =>
          [0, 1, 2].map((channel) => Number(plain[sample * 360 + channel * 120 + p]));
        const found = [0, 1, 2].map((channel) => Number(images![i * 360 + channel * 120 + p]));
        if (String(found) === String(at(i))) kept++;
        else t.deepEqual(found, at(other));
      }
      t.true(Math.abs(kept / 120 - shares[i]!) < 1e-6, `${kept} ${shares}`);
    }
  }
});

test('without augmentation a mixed source has single classes', async (t) => {
  const { images, labels } = await whole(bytes(4), 'mixup,cutmix,flip', { augmented: false });
  t.deepEqual(images, (await whole(bytes(4), 'none')).images);
  t.deepEqual([...(labels as Float32Array)], [1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0]);
});

test('changes of bytes are refused where pixels are no bytes of 0 … 255', async (t) => {
  const digits = await loadDigits();
  const use = (augment: string) => ({ augmentation: parseAugmentation(augment) });
  t.throws(() => imageSource(digits, use('randaugment')), { message: /without randaugment.*0 … 255/ });
  t.throws(() => imageSource(countingSet(9, [3, 8, 8], true), use('rrc')), { message: /without rrc.*bytes/ });
  t.notThrows(() => imageSource(digits, use('rrc=0.5:1,erase,mixup,cutmix')));
  t.throws(() => new DataLoader({ dataset: digits, split: 'train' }, { batch: 4, ...use('mixup') }), {
    message: /mixup.*load a source/,
  });
});

test('a crop of digits stays in their range', async (t) => {
  const { images } = await whole(await loadDigits(), 'rrc=0.3:0.9');
  t.true((images as Float32Array).every((value) => value >= 0 && value <= 1));
});

for (const alpha of [0.1, 0.8, 1, 4])
  test(`a draw of Beta(${alpha}, ${alpha}) has its mean and its variance`, (t) => {
    const random = randomStream(1, 2, alpha * 10);
    const draws = Array.from({ length: 20_000 }, () => symmetricBeta(alpha, random));
    const mean = draws.reduce((sum, each) => sum + each, 0) / draws.length;
    const variance = draws.reduce((sum, each) => sum + (each - mean) ** 2, 0) / draws.length;
    const expected = 1 / (4 * (2 * alpha + 1));
    t.true(draws.every((each) => each >= 0 && each <= 1));
    t.true(Math.abs(mean - 0.5) < 0.015, String(mean));
    t.true(Math.abs(variance / expected - 1) < 0.05, `${variance} ${expected}`);
  });
