import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { parquetWriteBuffer } from 'hyparquet-writer';
import sharp from 'sharp';
import { fetchHubData } from '../../../src/data/hub/fetch.js';
import { hubLayout } from '../../../src/data/hub/layout.js';
import {
  type Batch,
  DataLoader,
  type DataSettings,
  type ModelInput,
  openSource,
  type Source,
} from '../../../src/data/index.js';
import { commit, FakeHub, refuse } from '../hub/fake-hub.js';
import { temporaryFolder } from './sets.js';
import { writeTokenizer } from './word-tokenizer.js';

const HEAD = commit('a');
const NAME = 'hf:owner/name';
const layoutOf = (paths: string[], asked = '') => {
  const { format, files, folder } = hubLayout(NAME, paths, asked);
  return { format, train: files.train, test: files.test, folder };
};

test('parquet in data/: parts by names, the test part before the one for validation', (t) => {
  const paths = [
    'README.md',
    'data/train-00001-of-00002.parquet',
    'data/train-00000-of-00002.parquet',
    'data/validation-00000-of-00001.parquet',
    'data/test-00000-of-00001.parquet',
  ];
  const { files } = hubLayout(NAME, paths, '');
  t.deepEqual(files, {
    train: ['data/train-00000-of-00002.parquet', 'data/train-00001-of-00002.parquet'],
    test: ['data/test-00000-of-00001.parquet'],
    notes: ['Left out: "validation".'],
  });
  t.deepEqual(hubLayout(NAME, paths.slice(0, 4), '').files.notes, ['The part "validation" is tested on.']);
});

test('configurations are folders: the one that is named, without a name, default, or the only one', (t) => {
  const glue = ['cola', 'sst2'].flatMap((name) => [
    `${name}/train-00000-of-00001.parquet`,
    `${name}/validation-00000-of-00001.parquet`,
  ]);
  t.throws(() => layoutOf(glue), {
    code: 'INVALID_ARGUMENT',
    message: /holds the configurations cola, sst2: name one, as in hf:owner\/name\/cola/,
  });
  t.deepEqual(layoutOf(glue, 'sst2'), {
    format: 'parquet',
    folder: '',
    train: ['sst2/train-00000-of-00001.parquet'],
    test: ['sst2/validation-00000-of-00001.parquet'],
  });
  t.deepEqual(
    layoutOf(['default/train/0000.parquet', 'default/test/0000.parquet', 'other/train/0.parquet']),
    {
      format: 'parquet',
      folder: '',
      train: ['default/train/0000.parquet'],
      test: ['default/test/0000.parquet'],
    },
  );
  t.deepEqual(layoutOf(['en/my_train_set.jsonl', 'en/my-dev.jsonl']).test, ['en/my-dev.jsonl']);
});

test('one file, files without parts, and what is beside images', (t) => {
  const paths = ['a.csv', 'b.csv', 'LICENSE.txt', '.cache/x.parquet'];
  t.deepEqual(layoutOf(paths), { format: 'csv', folder: '', train: ['a.csv', 'b.csv'], test: undefined });
  t.deepEqual(layoutOf(paths, 'b.csv').train, ['b.csv']);
  const images = ['train/cat/1.png', 'train/dog/2.JPG', 'test/cat/3.png', 'train/metadata.csv'];
  t.like(layoutOf(images), { format: 'folder', folder: '' });
  const deep = images.map((path) => `small/data/${path}`);
  t.like(layoutOf(deep, 'small'), { format: 'folder', folder: 'small/data', train: deep.slice(0, 3).sort() });
  t.deepEqual(layoutOf(['notes.txt', 'README.md']).train, ['notes.txt']);
});

test('where nothing is data, that is told with what there is', (t) => {
  t.throws(() => layoutOf(['README.md', 'model.zip']), {
    code: 'NOT_FOUND',
    message: /has no data that can be read: expected files of \.parquet.* it has README\.md, model\.zip\.$/,
  });
  t.throws(() => layoutOf(['a.csv'], 'b'), { message: /has no data in b that can be read.* it has a\.csv/ });
  t.throws(() => layoutOf(['a.zip'], 'a.zip'), { message: /a\.zip of hf:owner\/name is no file of data/ });
});

/** A hub with one data set, which the process's environment names, and an empty cache. */
async function hubWith(t: ExecutionContext, files: Readonly<Record<string, Uint8Array | string>>) {
  const commits = {
    [HEAD]: Object.fromEntries(
      Object.entries(files).map(([path, content], at) => [
        path,
        { bytes: Buffer.from(content), lfs: at % 2 === 0 },
      ]),
    ),
  };
  const hub = await FakeHub.open(t, { 'datasets/owner/name': { commits, refs: { main: HEAD } } });
  const cache = await temporaryFolder(t);
  Object.assign(process.env, {
    HF_ENDPOINT: hub.endpoint,
    FLATMIN_CACHE: cache,
    HF_TOKEN: '',
    HF_HUB_OFFLINE: '',
  });
  return { hub, cache };
}

const open = (name: string, inputs: readonly ModelInput[], settings: DataSettings = {}): Promise<Source> =>
  openSource(name, { seed: 0, inputs, settings });

async function whole(source: Source, split: 'train' | 'test'): Promise<Batch> {
  const loader = new DataLoader<Batch>(
    { source, split },
    { batch: source[split].size, shuffle: false, workers: 0, augment: false },
  );
  const { value } = await loader.epoch(0).next();
  await loader.close();
  return value as Batch;
}

const vector: ModelInput = { name: 'x', type: 'float', dims: ['n', 2] };

test.serial(
  'parquet of the hub: only the parts that are used come, and are read as those of a folder',
  async (t) => {
    const rows = (from: number, count: number) =>
      Buffer.from(
        parquetWriteBuffer({
          columnData: [
            { name: 'a', data: Float64Array.from({ length: count }, (_, i) => from + i), type: 'DOUBLE' },
            { name: 'b', data: Float64Array.from({ length: count }, (_, i) => -from - i), type: 'DOUBLE' },
            {
              name: 'label',
              data: Int32Array.from({ length: count }, (_, i) => (from + i) % 2),
              type: 'INT32',
            },
          ],
        }),
      );
    const { hub } = await hubWith(t, {
      'README.md': '---\n---\n',
      'data/train-00000-of-00002.parquet': rows(0, 3),
      'data/train-00001-of-00002.parquet': rows(3, 2),
      'data/test-00000-of-00001.parquet': rows(10, 2),
      'data/validation-00000-of-00001.parquet': rows(20, 2),
    });
    const source = await open(NAME, [vector]);
    t.is(source.name, `${NAME}@${HEAD}`);
    t.true(source.notes.includes('Left out: "validation".'));
    t.deepEqual((await whole(source, 'train')).x, Float32Array.of(0, -0, 1, -1, 2, -2, 3, -3, 4, -4));
    t.deepEqual((await whole(source, 'test')).label, BigInt64Array.of(0n, 1n));
    t.false(hub.takeSeen().some((path) => /validation|README/.test(path)));
    const mapped = await open(`${NAME}@${HEAD}`, [{ ...vector, dims: ['n', 1] }], { map: { x: 'b' } });
    t.deepEqual((await whole(mapped, 'test')).x, Float32Array.of(-10, -11));
    t.deepEqual(hub.takeSeen(), [], 'a commit that is cached asks nobody');
    await t.throwsAsync(open(NAME, [vector], { onDamaged: 'skip' }), {
      message: /kind parquet:FILE\|DIR have no use for "onDamaged"/,
    });
  },
);

test.serial('JSON lines of the hub in several files: texts, classes and where they stand', async (t) => {
  const line = (text: string, label: unknown) => `${JSON.stringify({ text, label })}\n`;
  const files = {
    'train-00000-of-00002.jsonl': line('a good film', 'yes') + line('bad', 'no'),
    'train-00001-of-00002.jsonl': line('the plot', 'no'),
    'test.jsonl': line('a film', 'yes'),
  };
  await hubWith(t, files);
  const tokenizer = await writeTokenizer(await temporaryFolder(t));
  const ids: ModelInput = { name: 'ids', type: 'int64', dims: ['n', 5] };
  const { labels, ids: tokens } = await whole(await open(NAME, [ids], { tokenizer }), 'train');
  t.deepEqual([...(labels as BigInt64Array)], [1n, 0n, 0n]);
  t.deepEqual([...(tokens as BigInt64Array)].map(Number).slice(10), [2, 10, 8, 3, 0]);
  await hubWith(t, { ...files, 'train-00001-of-00002.jsonl': line('the plot', 0.5) });
  await t.throwsAsync(open(NAME, [ids], { tokenizer }), {
    message: /train-00001-of-00002\.jsonl, line 1: expected "label" to be a class/,
  });
});

test.serial('images of the hub in folders of classes, augmented as such are', async (t) => {
  const png = (red: number) =>
    sharp({ create: { width: 8, height: 8, channels: 3, background: { r: red, g: 0, b: 0 } } })
      .png()
      .toBuffer();
  const files: Record<string, Buffer> = {};
  for (const [at, name] of ['ant', 'bee'].entries())
    for (const image of [0, 1]) {
      files[`train/${name}/${image}.png`] = await png(100 * at + image);
      files[`test/${name}/${image}.png`] = await png(100 * at + image + 50);
    }
  const { cache } = await hubWith(t, files);
  const image: ModelInput = { name: 'x', type: 'float', dims: ['n', 3, 8, 8] };
  const source = await open(NAME, [image], { augment: 'auto', normalization: 'none' });
  t.deepEqual(source.targets[0]!.classes!.names, ['ant', 'bee']);
  t.is(source.train.size, 4);
  t.true(source.notes.some((note) => /Training images are changed by flip/.test(note)));
  const { labels } = await whole(source, 'test');
  t.deepEqual([...(labels as BigInt64Array)], [0n, 0n, 1n, 1n]);
  await rm(join(cache, 'hub/datasets/owner/name/commits', HEAD, 'files/train/ant/1.png'));
  t.is((await open(`${NAME}@${HEAD}`, [image])).train.size, 4, 'what is missing is fetched again');
});

test.serial('a text of the hub', async (t) => {
  await hubWith(t, {
    'train.txt': 'a good film was bad\n'.repeat(3),
    'test.txt': 'the plot was bad the plot',
  });
  const tokenizer = await writeTokenizer(await temporaryFolder(t));
  const source = await open(NAME, [{ name: 'ids', type: 'int64', dims: ['n', 5] }], { tokenizer });
  t.deepEqual([...((await whole(source, 'train')).ids as BigInt64Array)].slice(0, 6), [
    4n,
    5n,
    6n,
    9n,
    7n,
    4n,
  ]);
  t.is(source.test.size, 1);
});

test.serial('no network, no such data set, a token that is needed: each is told', async (t) => {
  const { hub } = await hubWith(t, { 'a.csv': 'a,b,label\n1,2,0\n3,4,1\n5,6,0\n7,8,1\n' });
  await t.throwsAsync(open('hf:owner/none', [vector]), {
    code: 'NOT_FOUND',
    message: /There is no data set owner\/none at http/,
  });
  hub.fault = (_, response) => {
    refuse(response, 401);
    return true;
  };
  await t.throwsAsync(open(NAME, [vector]), {
    code: 'NETWORK',
    message: /The hub refused the data set owner\/name \(401\).* set HF_TOKEN to an access token/,
  });
  hub.fault = undefined;
  process.env.HF_TOKEN = 'hf_secret';
  await open(NAME, [vector]);
  t.true(hub.seen.some(({ headers }) => headers.authorization === 'Bearer hf_secret'));
  await hub.close();
  const notes: string[] = [];
  const cached = await fetchHubData(NAME, { onNote: (note) => void notes.push(note) });
  t.is(cached.name, `${NAME}@${HEAD}`);
  t.regex(notes.join(), /Could not get the data set owner\/name.* as it was last: commit a{40}\./);
  process.env.FLATMIN_CACHE = await temporaryFolder(t);
  await t.throwsAsync(open(NAME, [vector]), {
    code: 'NETWORK',
    message: /Could not get the data set owner\/name.*The cache has no owner\/name@main either\./,
  });
  await t.throwsAsync(open('hf:owner', [vector]), {
    code: 'INVALID_ARGUMENT',
    message: /to be of the form hf:OWNER\/NAME/,
  });
});
