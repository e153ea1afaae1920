import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import {
  type Batch,
  DataLoader,
  type ModelInput,
  type OpenContext,
  openSource,
  type Source,
  sampled,
} from '../../../src/data/index.js';
import { makerOf } from '../../../src/data/makers.js';
import { writeSafetensors } from '../../../src/formats/safetensors.js';
import { npy } from '../../fixtures/npy.js';
import { writeNpz } from '../../fixtures/npz.js';
import { temporaryFolder } from './sets.js';

const context = (inputs?: readonly ModelInput[], rest: Partial<OpenContext> = {}): OpenContext => ({
  settings: {},
  seed: 0,
  inputs,
  ...rest,
});
const floatInput = (name: string, ...dims: (number | string)[]): ModelInput => ({
  name,
  type: 'float',
  dims: ['batch', ...dims],
});

const counted = (size: number) => Float32Array.from({ length: size }, (_, i) => i / 4);
const labels = (size: number) => BigInt64Array.from({ length: size }, (_, i) => BigInt(i % 3));

async function batchOf(source: Source, part: 'train' | 'test', indices: number[]): Promise<Batch> {
  const maker = await makerOf(source[part].recipe({ seed: 0, augment: part === 'train' }));
  return maker.make(0, Int32Array.from(indices));
}

test('arrays of a .npz: by names of parts, whether stored or compressed, or column by column', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'set.npz');
  const fortran = Float32Array.from({ length: 12 }, (_, i) => (i % 6) * 2 + Math.floor(i / 6));
  for (const compressed of [true, false]) {
    writeNpz(
      path,
      {
        x_train: npy('<f4', [6, 2], counted(12)),
        y_train: npy('<i8', [6], labels(6)),
        x_test: npy('<f4', [6, 2], fortran, { fortran: true }),
        y_test: npy('<i8', [6], labels(6)),
        names: npy('<f4', [3], counted(3)),
      },
      { compressed },
    );
    const source = await openSource(`npz:${path}`, context([floatInput('input', 2)]));
    t.deepEqual([source.train.size, source.test.size], [6, 6]);
    t.deepEqual(source.inputs, [{ name: 'input', type: 'float', dims: [2] }]);
    t.deepEqual(source.targets, [
      {
        ...{ name: 'y', type: 'int64', dims: [] },
        classes: { count: 3, names: ['0', '1', '2'], largestAt: `${path}, "y_train", row 2` },
      },
    ]);
    t.deepEqual(source.notes, ['Left out: "names".', 'The input "input" is the array "x".']);
    t.deepEqual(await batchOf(source, 'train', [5, 0, 1]), {
      input: Float32Array.of(2.5, 2.75, 0, 0.25, 0.5, 0.75),
      y: BigInt64Array.of(2n, 0n, 1n),
    });
    t.deepEqual((await batchOf(source, 'test', [1, 5])).input, Float32Array.of(2, 3, 10, 11));
  }
});

test('.npy files side by side, or in a folder, and a split by the seed', async (t) => {
  const folder = await temporaryFolder(t);
  writeFileSync(join(folder, 'a.npy'), npy('<f8', [20, 1], Float64Array.from(counted(20))));
  writeFileSync(join(folder, 'b.npy'), npy('<f2', [20, 2], new Uint16Array(40).fill(0x3c00)));
  const inputs = [floatInput('a', 1)];
  const listed = await openSource(`npy:${join(folder, 'a.npy')},b.npy`, context(inputs));
  const found = await openSource(`npy:${folder}`, context(inputs, { settings: { split: 0.25 } }));
  t.deepEqual([listed.train.size, listed.test.size], [18, 2]);
  t.deepEqual([found.train.size, found.test.size], [15, 5]);
  const { a, b } = await batchOf(
    found,
    'train',
    Array.from({ length: 15 }, (_, i) => i),
  );
  const tested = await batchOf(found, 'test', [0, 1, 2, 3, 4]);
  t.deepEqual(Float32Array.from([...(a as Float32Array), ...(tested.a as Float32Array)]).sort(), counted(20));
  t.deepEqual(b, new Float32Array(30).fill(1));
  const again = await openSource(`npy:${folder}`, context(inputs, { settings: { split: 0.25 } }));
  t.deepEqual(await batchOf(again, 'test', [0, 1, 2, 3, 4]), tested);
  const other = await openSource(`npy:${folder}`, context(inputs, { settings: { split: 0.25 }, seed: 1 }));
  t.notDeepEqual(await batchOf(other, 'test', [0, 1, 2, 3, 4]), tested);
});

test('safetensors in a folder of parts, mapped to inputs and targets', async (t) => {
  const folder = await temporaryFolder(t);
  for (const part of ['train', 'validation'])
    await writeSafetensors(join(folder, `${part}.safetensors`), [
      { name: 'ids', dtype: 'I32', shape: [4, 2], data: Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
      { name: 'mask', dtype: 'BOOL', shape: [4, 2], data: new Uint8Array(8).fill(1) },
      { name: 'score', dtype: 'BF16', shape: [4], data: Uint16Array.of(0x3f80, 0x4000, 0x4040, 0xbf80) },
    ]);
  const source = await openSource(
    `safetensors:${folder}`,
    context(
      [
        { name: 'tokens', type: 'int64', dims: ['batch', 'length'] },
        { name: 'mask', type: 'bool', dims: ['batch', 'length'] },
      ],
      { settings: { map: { tokens: 'ids', target: 'score' } }, loss: 'mse' },
    ),
  );
  t.deepEqual(source.notes, ['The part "validation" is tested on.']);
  t.deepEqual(await batchOf(source, 'test', [3, 0]), {
    tokens: BigInt64Array.of(7n, 8n, 1n, 2n),
    mask: new Uint8Array(4).fill(1),
    target: Float32Array.of(-1, 1),
  });
});

const pixels = (count: number, seed = 0) =>
  Uint8Array.from({ length: count * 3 * 6 * 5 }, (_, i) => (i * 37 + seed + (i >> 5) * 11) % 256);

/** Channels × height × width of height × width × channels. */
const channelsFirst = (bytes: Uint8Array, count: number) =>
  bytes.map((_, at) => {
    const [image, rest] = [Math.floor(at / 90), at % 90];
    return image < count ? bytes[image * 90 + (rest % 30) * 3 + Math.floor(rest / 30)]! : 0;
  });

test('bytes of rank 4 are pixels: normalised by the training set, channels first or last, changed as images are', async (t) => {
  const folder = await temporaryFolder(t);
  const [last, first] = [join(folder, 'last.npz'), join(folder, 'first.npz')];
  const bytes = pixels(20);
  const y = npy('<i8', [20], labels(20));
  writeNpz(last, { images: npy('|u1', [20, 6, 5, 3], bytes), labels: y });
  writeNpz(first, { images: npy('|u1', [20, 3, 6, 5], channelsFirst(bytes, 20)), labels: y });
  const settings = { augment: 'flip,crop=1:zero' };
  const [a, b] = await Promise.all(
    [last, first].map((path) => openSource(`npz:${path}`, context(undefined, { settings }))),
  );
  t.deepEqual(a!.inputs, [{ name: 'images', type: 'float', dims: [3, 6, 5], isImage: true }]);
  t.deepEqual(a!.normalization, b!.normalization);
  t.true(a!.notes.some((note) => /height × width × channels/.test(note)));
  t.deepEqual(await batchOf(a!, 'train', [0, 7, 3]), await batchOf(b!, 'train', [0, 7, 3]));
  const plain = await openSource(`npz:${first}`, context());
  const all = (
    await batchOf(
      plain,
      'train',
      Array.from({ length: 18 }, (_, i) => i),
    )
  ).images as Float32Array;
  for (let channel = 0; channel < 3; channel++) {
    const own = all.filter((_, at) => Math.floor(at / 30) % 3 === channel);
    const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
    const variance = own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / own.length;
    t.true(Math.abs(mean) < 1e-5 && Math.abs(variance - 1) < 1e-4);
  }
});

test('worker threads, and an epoch that is gone on with, give the same bytes', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'set.npz');
  writeNpz(path, {
    images: npy('|u1', [40, 6, 5, 3], pixels(40)),
    labels: npy('|u1', [40], new Uint8Array(40)),
  });
  const settings = { augment: 'flip,cutout=2' };
  const source = sampled(await openSource(`npz:${path}`, context(undefined, { settings })), { train: 20 });
  const batches = async (workers: number, firstBatch = 0) => {
    const loader = new DataLoader<Batch>({ source, split: 'train' }, { batch: 4, workers, seed: 3 });
    const found: Batch[] = [];
    for await (const batch of loader.epoch(2, { firstBatch })) found.push(batch);
    await loader.close();
    return found;
  };
  const all = await batches(0);
  t.is(all.length, 5);
  t.deepEqual(await batches(3), all);
  t.deepEqual(await batches(1, 3), all.slice(3));
});

test('what is wrong with arrays is told by file, array and row', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'set.npz');
  const x = npy('<f4', [6, 2], counted(12));
  const y = npy('<i8', [6], labels(6));
  const input = [floatInput('x', 2)];
  const open = (arrays: Record<string, Uint8Array>, use: OpenContext = context(input)) => {
    writeNpz(path, arrays);
    return openSource(`npz:${path}`, use);
  };
  const refused = (arrays: Record<string, Uint8Array>, message: RegExp, use?: OpenContext) =>
    t.throwsAsync(open(arrays, use), { message });
  await refused({ x, y: npy('<i8', [5], labels(5)) }, /different numbers of samples: "x" 6, "y" 5/);
  await refused({ x: npy('<f4', [0, 2], counted(0)), y: npy('<i8', [0], labels(0)) }, /no samples/);
  await refused({ a: x, b: x, y }, /Nothing tells which array .* "a" \(float, 6 × 2\).*--map x=ARRAY/);
  await refused({ x, y }, /no array "z": it has "x", "y"/, context(input, { settings: { map: { x: 'z' } } }));
  await refused({ x }, /no array that is a target/);
  await refused({ x, y: npy('<i8', [2], BigInt64Array.of(0n, -1n)) }, /different numbers/);
  await refused(
    { x, y: npy('<i8', [6], BigInt64Array.of(0n, 1n, 0n, -1n, 0n, 0n)) },
    /set\.npz, "y", row 3: -1 is no class label.*--ignore-index -1/,
  );
  await refused(
    { x, y: x },
    /cross-entropy compares with class labels, but "y"/,
    context(input, { loss: 'cross-entropy' }),
  );
  await refused({ x, y: npy('<U3', [6], new Uint8Array(72)) }, /NumPy type "<U3"/);
  await refused(
    { x, y },
    /"normalization" is for pixels/,
    context(input, { settings: { normalization: 'set' } }),
  );
  await refused(
    { x, y },
    /reads "x" as int64.*of floats/,
    context([{ name: 'x', type: 'int64', dims: [1, 2] }]),
  );
  await refused(
    { x_train: x, y_train: y, x_test: x, y_test: y },
    /test samples of its own/,
    context(input, { settings: { split: 0.5 } }),
  );
  await refused({ x_train: x, y_train: y, x_test: x }, /test part of .* has no array "y"/);
  const bytes = npy('|u1', [6, 2], new Uint8Array(12));
  await refused(
    { x_train: x, y_train: y, x_test: bytes, y_test: y },
    /"x_test" .* is tested on, but "x_train" .*: both must be of floats with samples of 2\. Save them alike/,
  );
  const few = npy('<i8', [6], BigInt64Array.of(0n, 2n, 0n, 2n, 0n, 2n));
  const unseen = { x_train: x, y_train: few, x_test: x, y_test: y };
  await refused(
    unseen,
    /set\.npz, "y_test", row 1: no training sample has the label 1, so that nothing can learn it\. Add such to the training part/,
  );
  const measured = await open(unseen, context(input, { isMeasured: true }));
  t.is(measured.test.size, 6);
  t.false(measured.notes.some((note) => note.includes('label')));
  const holes = await open({ x_train: x, y_train: few, x_test: x, y_test: few });
  t.true(holes.notes.includes('No sample has the label 1.'));
  // An index that is no target by its name, beside one that is.
  const ids = (first: number) =>
    npy(
      '<i8',
      [6],
      BigInt64Array.from({ length: 6 }, (_, at) => BigInt(first + at)),
    );
  await open({ ...unseen, y_test: few, id_train: ids(0), id_test: ids(6) });
  const holed = Float32Array.from(counted(12));
  holed[7] = Number.NaN;
  const bad = { x: npy('<f4', [6, 2], holed), y };
  await refused(bad, /set\.npz, "x", row 3, element 1: NaN is no finite number/);
  const source = await open(bad, context(input, { settings: { split: 0.2 }, isMeasured: true }));
  const all = [0, 1, 2, 3, 4].filter((at) => at < source.train.size);
  await t.throwsAsync(
    (async () => {
      await batchOf(source, 'train', all);
      await batchOf(source, 'test', [0]);
    })(),
    { message: /"x", row 3, element 1: NaN is no finite number/, code: 'INVALID_DATA' },
  );
});

test('a file that is cut off while it is read from is named', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'x.npy');
  writeFileSync(path, npy('<f4', [40, 2], counted(80)));
  writeFileSync(join(folder, 'y.npy'), npy('<i8', [40], labels(40)));
  const source = await openSource(`npy:${folder}`, context([floatInput('x', 2)]));
  truncateSync(path, 200);
  await t.throwsAsync(batchOf(source, 'train', [source.train.size - 1]), {
    message: /x\.npy ends before row 3\d of "x"/,
  });
  await t.throwsAsync(openSource(`npy:${folder}`, context([floatInput('x', 2)])), {
    message: /x\.npy is cut off/,
  });
});

test('any number of samples without elements, which a header of a few bytes may promise, is refused', async (t) => {
  const folder = await temporaryFolder(t);
  for (const [dims, message] of [
    [
      [2 ** 32, 2 ** 32, 0],
      /"x" of .*x\.npy has shape \[4294967296,4294967296,0\]: its samples have no elements/,
    ],
    [[7, 0], /its samples have no elements/],
  ] as const) {
    writeFileSync(join(folder, 'x.npy'), npy('<f4', [...dims], new Float32Array(0)));
    writeFileSync(join(folder, 'y.npy'), npy('<i8', [dims[0], 0], new BigInt64Array(0)));
    await t.throwsAsync(openSource(`npy:${folder}`, context([floatInput('x', 2)])), {
      code: 'INVALID_DATA',
      message,
    });
  }
});
