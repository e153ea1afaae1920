import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parquetWriteBuffer } from 'hyparquet-writer';
import {
  type Batch,
  DataLoader,
  type DataSettings,
  type ModelInput,
  type OpenContext,
  openSource,
  type Source,
} from '../../../src/data/index.js';
import { makerOf } from '../../../src/data/makers.js';
import { Purpose, randomStream, shuffledIndices } from '../../../src/data/random.js';
import { openCsv } from '../../../src/data/table/csv-file.js';
import { openTable } from '../../../src/data/table/open-table.js';
import { openParquet } from '../../../src/data/table/parquet-file.js';
import { groupsAhead, windowedOrder } from '../../../src/data/table/row-groups.js';
import { temporaryFolder } from './sets.js';

const input = (...dims: (number | string)[]): ModelInput => ({
  name: 'x',
  type: 'float',
  dims: ['n', ...dims],
});
const context = (settings: DataSettings = {}, rest: Partial<OpenContext> = {}): OpenContext => ({
  settings,
  seed: 0,
  inputs: [input('width')],
  ...rest,
});

async function allOf(source: Source, part: 'train' | 'test' = 'train'): Promise<Batch> {
  const maker = await makerOf(source[part].recipe({ seed: 0, augment: false }));
  return maker.make(
    0,
    Int32Array.from({ length: source[part].size }, (_, i) => i),
  );
}

/** Train and test rows, in two files. */
async function writeParts(t: Parameters<typeof temporaryFolder>[0], train: string, tested: string) {
  const folder = await temporaryFolder(t);
  writeFileSync(join(folder, 'train.csv'), train);
  writeFileSync(join(folder, 'test.csv'), tested);
  return folder;
}

test('CSV: quotes, newlines in them, a byte order mark, CRLF; names of classes sorted', async (t) => {
  const folder = await writeParts(
    t,
    '\ufeffwidth,"he said ""no""",note,species\r\n1,2.5,"two\r\nlines, a comma",cat\r\n-3e2,.5,,ant\r\n',
    'species,note,width,"he said ""no"""\nant,,7,8\n',
  );
  const source = await openSource(`csv:${folder}`, context());
  t.deepEqual(source.inputs, [{ name: 'x', type: 'float', dims: [2] }]);
  t.deepEqual(source.targets, [
    { name: 'species', type: 'int64', dims: [], classes: { count: 2, names: ['ant', 'cat'] } },
  ]);
  t.deepEqual(await allOf(source), {
    x: Float32Array.of(1, 2.5, -300, 0.5),
    species: BigInt64Array.of(1n, 0n),
  });
  t.deepEqual((await allOf(source, 'test')).x, Float32Array.of(7, 8));
  t.deepEqual(source.notes, [
    'The target is the column "species", the last one.',
    'The input "x" takes the 2 columns "width", "he said "no"". Left out, as they are no numbers: "note".',
    'Columns are fed as they are; --normalization set standardises them by the training rows.',
  ]);
});

test('CSV: semicolons and tabs are told, columns without names are left out, rows without a header are numbered', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'table.csv');
  const opened = async (text: string, settings: DataSettings = {}) => {
    writeFileSync(path, text);
    return openSource(`csv:${path}`, context(settings, { loss: 'mse' }));
  };
  const rows = (separator: string) =>
    Array.from({ length: 20 }, (_, i) => [i, i * 2, i * 3].join(separator)).join('\n');
  const semicolons = await opened(`;b;y\n${rows(';')}`);
  t.deepEqual(semicolons.inputs, [{ name: 'x', type: 'float', dims: [1] }]);
  t.regex(
    semicolons.notes.join(' '),
    /separated by semicolons\. Left out: the columns of .* that have no name/,
  );
  const tabs = await opened(`${rows('\t')}\n`, { map: { x: '0+1', target: '2' } });
  t.regex(tabs.notes.join(' '), /separated by tabs.*no row of names: its columns are called 0 to 2/);
  t.deepEqual([tabs.train.size, tabs.test.size], [18, 2]);
  const { x, target } = await allOf(tabs);
  t.deepEqual(
    Array.from(target as Float32Array),
    Array.from({ length: 18 }, (_, i) => (x as Float32Array)[2 * i]! * 3),
  );
});

test('columns are standardised by the training rows, and the source says by what', async (t) => {
  const folder = await writeParts(t, 'a,b,y\n1,5,0\n2,5,0\n3,5,1\n', 'a,b,y\n4,6,1\n');
  const source = await openSource(`csv:${folder}`, context({ normalization: 'set' }, { loss: 'mse' }));
  const std = Math.sqrt(2 / 3);
  t.deepEqual(source.normalization, { scale: 1, mean: [2, 5], std: [std, 1] });
  const near = (found: unknown, expected: number[]) =>
    t.true(expected.every((value, at) => Math.abs((found as Float32Array)[at]! - value) < 1e-6));
  near((await allOf(source)).x, [-1 / std, 0, 0, 0, 1 / std, 0]);
  near((await allOf(source, 'test')).x, [2 / std, 1]);
  t.regex(source.notes.join(' '), /standardised by the training rows.*of a, b/);
  const given = await openSource(`csv:${folder}`, context({ mean: [1, 2], std: [2, 4] }, { loss: 'mse' }));
  near((await allOf(given)).x, [0, 0.75, 0.5, 0.75, 1, 0.75]);
  await t.throwsAsync(openSource(`csv:${folder}`, context({ mean: [1], std: [2] }, { loss: 'mse' })), {
    message: /mean to be 2 numbers, one for each column/,
  });
});

test('what is wrong with a table is told by file, row and column', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'table.csv');
  const refused = (text: string, message: RegExp, use: OpenContext = context()) => {
    writeFileSync(path, text);
    return t.throwsAsync(openSource(`csv:${path}`, use), { message }, text);
  };
  await refused('', /table\.csv is empty/);
  await refused('a,y\n', /has a header and no rows/);
  await refused('a,a,y\n1,2,3\n', /two columns "a"/);
  await refused('a,y\n1,0\n2\n', /is no table: .*line 3/);
  await refused(
    'a,y\n1,0\n2,0\n"x\ny",1\n',
    /row 3 \(line 5\), column "a": "x\\ny" is no finite number/,
    context({ map: { x: 'a' } }),
  );
  await refused('a,b,y\n1,1,0\n2,,1\n', /row 2 \(line 3\), column "b": there is no value: fill it in/);
  await refused('a,b,y\n1,1,0\n2,3,1\n4,NA,1\n', /row 3 \(line 4\), column "b": "NA" is no finite number/);
  await refused('a,y\n1e39,0\n', /"1e39" is no finite number/);
  await refused('a,y\n1,0\n2,\n', /row 2 \(line 3\), column "y": there is no value/);
  await refused('a,y\n1,0\n2,-1\n', /column "y": -1 is no class label.*--loss mse/);
  await refused('a,y\n1,0\n', /has no column "z": it has "a", "y"/, context({ map: { x: 'z' } }));
  await refused(
    'a,y\n1,0\n',
    /has shape n × 3, but .* has 1 columns of numbers.*--map x=/,
    context({}, { inputs: [input(3)] }),
  );
  await refused('a,b,y\n1,q,0\n', /column "b" of .*, which is of text/, context({ map: { x: 'b' } }));
  await refused('a,y\n1,q\n', /mse compares with numbers, but the target "y"/, context({}, { loss: 'mse' }));
  await refused(
    'a,y\n1,1.5\n',
    /cross-entropy compares with class labels/,
    context({}, { loss: 'cross-entropy' }),
  );
  await refused('a,y\n1,1\n', /augment to be none/, context({ augment: 'flip' }));
  await refused('a\0,y\n1,1\n', /no text in UTF-8/);
  const parts = await writeParts(t, 'a,y\n1,cat\n2,ant\n', 'a,y\n1,dog\n');
  await t.throwsAsync(openSource(`csv:${parts}`, context()), {
    message:
      /test\.csv, row 1 \(line 2\), column "y": "dog" is a class that no training row has \(they have ant, cat\)/,
  });
  await t.throwsAsync(openSource(`csv:${join(folder, 'none.csv')}`, context()), { code: 'NOT_FOUND' });
});

const SPECIES = ['cat', 'ant', 'bee'];

/** A Parquet file of 10 × count rows in row groups of ten; column a counts from `first`. */
function writeParquet(
  path: string,
  count: number,
  first = 0,
  extra: Parameters<typeof parquetWriteBuffer>[0]['columnData'] = [],
) {
  const rows = Array.from({ length: 10 * count }, (_, i) => first + i);
  const buffer = parquetWriteBuffer({
    columnData: [
      { name: 'a', data: rows, type: 'INT32' },
      { name: 'b', data: rows.map((i) => i / 8), type: 'DOUBLE' },
      { name: 'species', data: rows.map((i) => SPECIES[i % 3]!), type: 'STRING' },
      ...extra,
    ],
    rowGroupSize: 10,
    codec: 'SNAPPY',
  } as Parameters<typeof parquetWriteBuffer>[0]);
  writeFileSync(path, Buffer.from(buffer));
}

test("Parquet in the layout of Hugging Face's hub", async (t) => {
  const folder = await temporaryFolder(t);
  mkdirSync(join(folder, 'data'));
  writeParquet(join(folder, 'data', 'train-00000-of-00002.parquet'), 2);
  writeParquet(join(folder, 'data', 'train-00001-of-00002.parquet'), 1, 20);
  writeParquet(join(folder, 'data', 'validation-00000-of-00001.parquet'), 1, 30);
  const source = await openSource(`parquet:${folder}`, context());
  t.deepEqual([source.train.size, source.test.size], [30, 10]);
  t.deepEqual(source.targets[0]!.classes, { count: 3, names: ['ant', 'bee', 'cat'] });
  const { x, species } = await allOf(source);
  t.deepEqual(
    x,
    Float32Array.from({ length: 60 }, (_, i) => (i % 2 ? (i - 1) / 16 : i / 2)),
  );
  t.deepEqual((species as BigInt64Array).slice(0, 4), BigInt64Array.of(2n, 0n, 1n, 2n));
  t.true(source.notes.includes('The part "validation" is tested on.'));
});

const LIMITS = { memory: 100, window: 200 };

async function largeSource(t: Parameters<typeof temporaryFolder>[0], settings: DataSettings = {}) {
  const folder = await temporaryFolder(t);
  const paths = ['one', 'two'].map((name) => join(folder, `${name}.parquet`));
  writeParquet(paths[0]!, 4);
  writeParquet(paths[1]!, 2, 40);
  const train = await Promise.all(paths.map((path) => openParquet(path)));
  return openTable(folder, { train, notes: [] }, context(settings), LIMITS);
}

test('a Parquet set that is larger than memory is the same samples, read row group by row group', async (t) => {
  const source = await largeSource(t, { normalization: 'set', split: 0.2 });
  t.deepEqual([source.train.size, source.test.size], [48, 12]);
  t.regex(source.notes.at(-1)!, /6 row groups are shuffled, and rows within windows of 2 of them/);
  const { mean, std } = source.normalization!;
  const back = async (part: 'train' | 'test') => {
    const { x, species } = await allOf(source, part);
    return Array.from(species as BigInt64Array, (label, i) => {
      const a = Math.round((x as Float32Array)[2 * i]! * std[0]! + mean[0]!);
      t.is(['ant', 'bee', 'cat'][Number(label)], SPECIES[a % 3]);
      return a;
    });
  };
  const [train, tested] = [await back('train'), await back('test')];
  t.deepEqual(
    [...train, ...tested].sort((a, b) => a - b),
    Array.from({ length: 60 }, (_, i) => i),
  );
  const own = train.reduce((sum, value) => sum + value, 0) / train.length;
  t.true(Math.abs(own - mean[0]!) < 1e-9);
});

test('windows of row groups: every sample once, few groups at a time, another order each epoch, the same again', async (t) => {
  const source = await largeSource(t);
  const order = (epoch: number) => source.train.order!(randomStream(1, 0, epoch));
  const first = order(0);
  t.deepEqual(
    Array.from(first).sort((a, b) => a - b),
    Array.from({ length: 54 }, (_, i) => i),
  );
  t.deepEqual(order(0), first);
  t.notDeepEqual(order(1), first);
  const maker = await makerOf(source.train.recipe({ seed: 0, augment: false }));
  const { x } = await maker.make(0, first);
  const groups = Array.from(first, (_, i) => Math.floor((x as Float32Array)[2 * i]! / 10));
  const distinct = (some: number[]) => new Set(some).size;
  let at = 0;
  while (distinct(groups.slice(0, at + 1)) <= 2) at++;
  const changes = groups.slice(1, at).filter((group, i) => group !== groups[i]).length;
  t.true(changes > 3, 'rows of a window are mixed');
  t.true(at >= 16 && !groups.slice(at).some((group) => groups.slice(0, at).includes(group)));
});

test('worker threads and an epoch that is gone on with give the same bytes of a large Parquet set', async (t) => {
  const source = (await largeSource(t)).take({ train: Int32Array.from({ length: 40 }, (_, i) => 53 - i) });
  const batches = async (workers: number, firstBatch = 0) => {
    const loader = new DataLoader<Batch>({ source, split: 'train' }, { batch: 7, workers, seed: 5 });
    const found: Batch[] = [];
    for await (const batch of loader.epoch(1, { firstBatch })) found.push(batch);
    await loader.close();
    return found;
  };
  const all = await batches(0);
  t.is(all.length, 5);
  t.deepEqual(await batches(2), all);
  t.deepEqual(await batches(1, 2), all.slice(2));
});

test('Parquet: missing values, images and damaged files are refused by name', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'table.parquet');
  const bytes = Array.from({ length: 10 }, () => Uint8Array.of(255, 216));
  writeParquet(path, 1, 0, [
    {
      name: 'c',
      data: Array.from({ length: 10 }, (_, i) => (i === 4 ? null : i)),
      type: 'DOUBLE',
      nullable: true,
    },
    { name: 'image', data: bytes, type: 'BYTE_ARRAY' },
  ]);
  const open = (settings: DataSettings) => openSource(`parquet:${path}`, context(settings));
  await t.throwsAsync(open({ map: { x: 'a+c', labels: 'species' } }), {
    message: /table\.parquet, row 5, column "c": there is no value/,
  });
  await t.throwsAsync(open({ map: { x: 'a+image', labels: 'species' } }), {
    message: /"image" .*of images \(bytes\), which cannot be put beside other columns/,
  });
  t.is((await open({ map: { x: 'a+b', labels: 'species' } })).train.size, 9);
  writeFileSync(path, 'PAR1 is not enough');
  await t.throwsAsync(open({}), { message: /table\.parquet is no Parquet file, or a damaged one/ });
});

test('packages that are not installed are named', async (t) => {
  const load = () => Promise.reject(new Error("Cannot find package 'hyparquet'"));
  await t.throwsAsync(openParquet('table.parquet', load), {
    code: 'NOT_FOUND',
    message: /npm install hyparquet hyparquet-compressors/,
  });
});

test('the row groups of the next window are read ahead, in the order of the epoch', (t) => {
  const order = Int32Array.of(4, 1, 5, 0, 3, 2);
  t.deepEqual([...groupsAhead(order, 2, [1])], [5, 0]);
  t.deepEqual([...groupsAhead(order, 2, [1, 4])], [5, 0]);
  t.deepEqual([...groupsAhead(order, 2, [1, 5])], [3, 2], 'a batch across two windows is of the later one');
  t.deepEqual([...groupsAhead(order, 4, [0])], [3, 2]);
  t.deepEqual([...groupsAhead(order, 2, [2])], []);
  const groups = Array.from({ length: 6 }, (_, at) => ({
    ...{ first: 2 * at, count: 2, bytes: 0, file: 'a', start: 2 * at },
  }));
  const rows = windowedOrder(groups, undefined, 2, randomStream(Purpose.shuffle, 7, 1));
  const windows = shuffledIndices(6, randomStream(Purpose.shuffle, 7, 1));
  const first = [...new Set([...rows.subarray(0, 4)].map((row) => row >> 1))].sort();
  t.deepEqual(first, [...windows.subarray(0, 2)].sort(), 'what is read ahead is what the loader asks for');
});

test('100,000 columns are read without comparing each with each', async (t) => {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'wide.csv');
  const names = Array.from({ length: 100_000 }, (_, at) => `c${at}`);
  writeFileSync(file, `${names.join()}\n${names.map(() => '1').join()}\n`);
  const began = process.cpuUsage();
  const table = await openCsv(file);
  let cells = 0;
  for await (const { columns } of table.read(names)) cells += columns.length;
  t.is(cells, 100_000);
  t.true(process.cpuUsage(began).user < 6e6);
});

test('a label that no training row has is refused with the place of the first that is tested on', async (t) => {
  const folder = await writeParts(t, 'a,y\n1,0\n2,2\n', 'a,y\n1,0\n2,1\n3,1\n');
  await t.throwsAsync(openSource(`csv:${folder}`, context()), {
    code: 'INVALID_DATA',
    message: /test\.csv, row 2 \(line 3\), column "y": no training sample has the label 1, so that/,
  });
  const { targets } = await openSource(`csv:${folder}`, { ...context(), isMeasured: true });
  t.regex(targets[0]!.classes!.largestAt!, /train\.csv, row 2 \(line 3\), column "y"$/);
});

for (const [what, label] of Object.entries({
  numbers: (row: number) => row,
  names: (row: number) => `c${row}`,
}))
  test(`a class of one row is trained on, whatever the split draws: ${what}`, async (t) => {
    const file = join(await temporaryFolder(t), 'set.csv');
    const rows = Array.from({ length: 40 }, (_, row) => `${row},${label(row < 20 ? 0 : row - 19)}`);
    writeFileSync(file, `a,y\n${rows.join('\n')}\n`);
    const { notes, train, test: held } = await openSource(`csv:${file}`, context({ split: 0.5 }));
    const note = notes.find((each) => each.startsWith('Trained on, not tested on'))!;
    const moved = Number(/: (\d+) of the samples/.exec(note)![1]);
    t.true(moved > 5);
    t.deepEqual([train.size, held.size], [20 + moved, 20 - moved]);
  });

test('a split that leaves nothing to be tested on is refused', async (t) => {
  const file = join(await temporaryFolder(t), 'set.csv');
  writeFileSync(file, 'a,y\n1,0\n2,1\n3,2\n4,3\n');
  await t.throwsAsync(openSource(`csv:${file}`, context()), {
    code: 'INVALID_DATA',
    message: /Each sample of .*set\.csv .* \(1\) is the only one of its label: .*--loss mse/,
  });
});
