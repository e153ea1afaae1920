import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { parquetWriteBuffer } from 'hyparquet-writer';
import {
  type Batch,
  DataLoader,
  type DataSettings,
  type ModelInput,
  openSource,
  type Source,
} from '../../../src/data/index.js';
import { openTable } from '../../../src/data/table/open-table.js';
import { openParquet } from '../../../src/data/table/parquet-file.js';
import { temporaryFolder } from './sets.js';
import { writeTokenizer } from './word-tokenizer.js';

const named = (name: string, type = 'int64', length: number | string = 5): ModelInput => ({
  name,
  type,
  dims: ['batch', length],
});
const IDS = [named('input_ids'), named('attention_mask')];

async function opened(
  t: ExecutionContext,
  files: Readonly<Record<string, string | Uint8Array>>,
  inputs: readonly ModelInput[] = IDS,
  settings: Partial<DataSettings> = {},
): Promise<Source> {
  const folder = await temporaryFolder(t);
  const tokenizer = await writeTokenizer(folder);
  const data = join(folder, 'data');
  await mkdir(data);
  const names = Object.keys(files);
  for (const name of names) await writeFile(join(data, name), files[name]!);
  const kind = names[0]!.endsWith('csv') ? 'csv' : 'parquet';
  return openSource(`${kind}:${names.length === 1 ? join(data, names[0]!) : data}`, {
    seed: 0,
    inputs,
    settings: { tokenizer, ...settings },
  });
}

async function whole(source: Source, split: 'train' | 'test', workers = 0): Promise<Batch> {
  const batch = source[split].size;
  const loader = new DataLoader<Batch>({ source, split }, { batch, shuffle: false, workers });
  const { value } = await loader.epoch(0).next();
  await loader.close();
  return value as Batch;
}

const numbers = (array: unknown): number[] => [...(array as BigInt64Array)].map(Number);

const REVIEWS = {
  'train.csv': 'text,stars\n"A good film, was bad",yes\nthe plot,no\n"good\nfilm",yes\n',
  'test.csv': 'stars,text\nno,bad\n',
};

for (const workers of [0, 1])
  test(`texts of a CSV are tokens and a mask, cut and filled up, with ${workers} workers`, async (t) => {
    const source = await opened(t, REVIEWS);
    t.deepEqual(source.inputs, [
      { name: 'input_ids', type: 'int64', dims: [5], below: 11 },
      { name: 'attention_mask', type: 'int64', dims: [5] },
    ]);
    t.deepEqual(source.targets[0]!.classes, { count: 2, names: ['no', 'yes'] });
    const batch = await whole(source, 'train', workers);
    t.deepEqual(Object.keys(batch).sort(), ['attention_mask', 'input_ids', 'stars']);
    t.deepEqual(numbers(batch.input_ids), [2, 4, 5, 6, 1, 2, 10, 8, 3, 0, 2, 5, 6, 3, 0]);
    t.deepEqual(numbers(batch.attention_mask), [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 0]);
    t.deepEqual(numbers(batch.stars), [1, 0, 1]);
    t.deepEqual(numbers((await whole(source, 'test')).input_ids), [2, 7, 3, 0, 0]);
    const part = await whole(source.take({ train: Int32Array.of(2, 1) }), 'train');
    t.deepEqual(numbers(part.input_ids), [2, 5, 6, 3, 0, 2, 10, 8, 3, 0]);
    t.deepEqual(numbers(part.stars), [1, 0]);
  });

test('pairs have types of their own, beside columns of numbers, and a split keeps rows together', async (t) => {
  const rows = Array.from({ length: 20 }, (_, i) => `${i % 2 ? 'good' : 'bad'},film,${i},${i % 2}`);
  const source = await opened(
    t,
    { 'a.csv': `one,two,age,label\n${rows.join('\n')}\n` },
    [named('input_ids', 'int32', 6), named('token_type_ids', 'int64', 6), named('age', 'float', 1)],
    { map: { text: 'one+two' }, split: 0.25 },
  );
  t.is(source.test.size, 5);
  const batch = await whole(source, 'train');
  for (const [row, age] of [...(batch.age as Float32Array)].entries()) {
    const word = age % 2 ? 5 : 7;
    t.deepEqual(Array.from((batch.input_ids as Int32Array).subarray(6 * row, 6 * row + 6)), [
      2,
      word,
      3,
      6,
      3,
      0,
    ]);
    t.is(Number((batch.label as BigInt64Array)[row]), age % 2);
  }
  t.deepEqual(numbers(batch.token_type_ids).slice(0, 6), [0, 0, 0, 1, 1, 0]);
});

const parquet = (texts: (string | null)[], rowGroupSize = 2) =>
  new Uint8Array(
    parquetWriteBuffer({
      rowGroupSize: [rowGroupSize],
      columnData: [
        { name: 'sentence', data: texts, type: 'STRING', nullable: true },
        { name: 'size', data: Float64Array.from(texts, (_, i) => i), type: 'DOUBLE' },
        { name: 'label', data: Int32Array.from(texts, (_, i) => i % 2), type: 'INT32' },
      ],
    }),
  );

test('texts of a Parquet file, in memory and row group by row group', async (t) => {
  const texts = ['a', 'good', 'film', '', 'bad plot', 'was the plot'];
  const expected = [4, 5, 6, 3, 7, 9];
  const small = await opened(t, { 'train.parquet': parquet(texts), 'test.parquet': parquet(['bad', 'a']) });
  const ids = numbers((await whole(small, 'train')).input_ids);
  t.deepEqual(
    ids.filter((_, at) => at % 5 === 1),
    expected,
  );
  const folder = await temporaryFolder(t);
  const path = join(folder, 'a.parquet');
  await writeFile(path, parquet(texts));
  const inputs = [...IDS, named('size', 'float', 1)];
  const large = await openTable(
    path,
    { train: [await openParquet(path)], notes: [] },
    { seed: 0, inputs, settings: { tokenizer: await writeTokenizer(folder), split: 0.4 } },
    { memory: 0, window: 1 },
  );
  const batches: Batch[] = [await whole(large, 'train'), await whole(large, 'test')];
  const pairs = batches.flatMap(({ input_ids, size }) =>
    [...(size as Float32Array)].map((row, at) => [row, numbers(input_ids)[5 * at + 1]!] as const),
  );
  t.deepEqual(
    pairs.sort(([a], [b]) => a - b).map(([, id]) => id),
    expected,
  );
});

test('texts that are cut off, and words that the tokenizer does not know, are told', async (t) => {
  const { notes } = await opened(t, REVIEWS);
  t.true(
    notes.some((note) => /1 of the first 3 texts are longer than 5 tokens/.test(note)),
    notes.join('\n'),
  );
  t.true(notes.includes('Texts are "text".'));
  t.false(notes.some((note) => /Columns are fed as they are/.test(note)));
  const foreign = await opened(t, {
    'a.csv': 'text,label\nein guter Film,1\nschlecht,0\nsehr gut,1\nmies,0\n',
  });
  t.true(foreign.notes.some((note) => /% of the tokens .* are unknown to the tokenizer/.test(note)));
});

const refused: [
  title: string,
  files: Readonly<Record<string, string | Uint8Array>>,
  message: RegExp,
  inputs?: readonly ModelInput[],
  settings?: Partial<DataSettings>,
][] = [
  [
    'a text that is missing',
    { 'a.csv': 'text,label\na,1\n,0\n' },
    /a\.csv, row 2 \(line 3\), column "text": there is no text/,
  ],
  ['a null', { 'a.parquet': parquet(['a', null]) }, /a\.parquet, row 2, column "sentence": there is no text/],
  [
    'a column that is not there',
    REVIEWS,
    /has no column "review": it has "text", "stars"/,
    IDS,
    { map: { text: 'review' } },
  ],
  [
    'a column of numbers',
    { 'a.csv': 'text,n,label\na,1,0\nb,2,1\n' },
    /The input "input_ids" takes texts, but the column "n" of .*a\.csv is of numbers/,
    IDS,
    { map: { input_ids: 'n' } },
  ],
  [
    'columns of texts of which none is told',
    { 'a.csv': 'p,q,label\na,b,0\nc,d,1\n' },
    /has the columns p, q, label: say which is the text, --map text=COLUMN/,
  ],
  [
    'a class unseen in training',
    { ...REVIEWS, 'test.csv': 'text,stars\na,perhaps\n' },
    /test\.csv, row 1 \(line 2\), column "stars": "perhaps" is a class that no training row has/,
  ],
  [
    'no length',
    REVIEWS,
    /leaves open how many tokens "ids" has: say it, as --length 128/,
    [named('ids', 'int64', 'n')],
  ],
  ['another length than the model', REVIEWS, /takes 5 tokens, but "length" is 9/, IDS, { length: 9 }],
  [
    'a model that reads no tokens',
    REVIEWS,
    /"x" \(float\) of the model is none that texts give/,
    [named('x', 'float')],
  ],
  ['a tokenizer that is not there', REVIEWS, /none\.json does not exist/, IDS, { tokenizer: 'none.json' }],
  [
    'texts without a tokenizer',
    REVIEWS,
    /column "text" of .*train\.csv, which is of text: --tokenizer tokenizer\.json makes tokens of it/,
    [named('text')],
    { tokenizer: undefined },
  ],
  [
    'a length without a tokenizer',
    REVIEWS,
    /"length" is of texts, which need a tokenizer/,
    IDS,
    { tokenizer: undefined, length: 5 },
  ],
];
for (const [title, files, message, inputs, settings] of refused)
  test(`refused: ${title}`, async (t) => {
    await t.throwsAsync(opened(t, files, inputs, settings), { name: 'FlatminError', message });
  });
