import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  type Batch,
  DataLoader,
  type DataSettings,
  type ModelInput,
  openSource,
  type Source,
} from '../../../src/data/index.js';
import { indexLines, openFile, readLine } from '../../../src/data/text/line-file.js';
import { temporaryFolder } from './sets.js';
import { writeTokenizer } from './word-tokenizer.js';

const ids = (length: number | string): ModelInput => ({
  name: 'ids',
  type: 'int64',
  dims: ['batch', length],
});
const named = (name: string, type: string, length: number | string): ModelInput => ({
  name,
  type,
  dims: ['batch', length],
});

interface Case {
  readonly files: Readonly<Record<string, string>>;
  readonly inputs?: readonly ModelInput[];
  readonly settings?: Partial<DataSettings>;
  readonly config?: object;
}

/** Opens the first of the files, or their folder where there are several. */
async function opened(
  t: ExecutionContext,
  kind: string,
  { files, inputs = [ids(5)], settings = {}, config }: Case,
): Promise<Source> {
  const folder = await temporaryFolder(t);
  const tokenizer = await writeTokenizer(folder, config);
  const data = join(folder, 'data');
  await mkdir(data);
  const names = Object.keys(files);
  for (const name of names) await writeFile(join(data, name), files[name]!);
  const location = names.length === 1 ? join(data, names[0]!) : data;
  return openSource(`${kind}:${location}`, {
    seed: 0,
    inputs,
    settings: { tokenizer, ...settings } as DataSettings,
  });
}

async function whole(source: Source, split: 'train' | 'test', workers = 0): Promise<Batch> {
  const batch = source[split].size;
  const loader = new DataLoader<Batch>({ source, split }, { batch, shuffle: false, workers });
  const { value } = await loader.epoch(0).next();
  await loader.close();
  return value as Batch;
}

const lines = (...records: unknown[]) => records.map((record) => `${JSON.stringify(record)}\n`).join('');
const REVIEWS = {
  'train.jsonl': lines(
    { text: 'A good film', label: 'yes' },
    { text: 'the plot was bad', label: 'no' },
    { text: 'good', label: 'yes' },
  ),
  'test.jsonl': lines({ text: 'a bad strange plot', label: 'no' }),
};

test('lines are found whatever ends them, blank ones left out', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'a.txt');
  await writeFile(path, '\ufeffone\r\n\n  \ntwo ü\nthree');
  const seen: [string, number][] = [];
  const index = await indexLines([path], (line, number) => seen.push([line, number]));
  t.deepEqual(seen, [
    ['one', 1],
    ['two ü', 4],
    ['three', 5],
  ]);
  const file = await openFile(path);
  t.deepEqual(await Promise.all([2, 0, 1].map((at) => readLine(file, index, at))), ['three', 'one', 'two ü']);
  await file.close();
});

for (const workers of [0, 1])
  test(`texts are cut and filled up, and masked, with ${workers} workers`, async (t) => {
    const inputs = [named('input_ids', 'int64', 5), named('attention_mask', 'int32', 5)];
    const source = await opened(t, 'jsonl', { files: REVIEWS, inputs });
    t.deepEqual(source.targets[0]!.classes, { count: 2, names: ['no', 'yes'] });
    const { input_ids, attention_mask, labels } = await whole(source, 'train', workers);
    t.deepEqual(
      [...(input_ids as BigInt64Array)].map(Number),
      [2, 4, 5, 6, 3, 2, 10, 8, 9, 7, 2, 5, 3, 0, 0],
    );
    t.deepEqual([...(attention_mask as Int32Array)], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
    t.deepEqual([...(labels as BigInt64Array)], [1n, 0n, 1n]);
    const tested = await whole(source, 'test', workers);
    t.deepEqual([...(tested.input_ids as BigInt64Array)].map(Number), [2, 4, 7, 1, 8]);
  });

test('pairs have types of their own, and positions count', async (t) => {
  const source = await opened(t, 'jsonl', {
    files: { 'a.jsonl': lines({ one: 'good', two: 'bad', y: 0 }, { one: 'a', two: 'the', y: 1 }).repeat(2) },
    inputs: [
      named('input_ids', 'int64', 6),
      named('token_type_ids', 'int64', 6),
      named('position_ids', 'int64', 6),
    ],
    settings: { map: { text: 'one+two', labels: 'y' }, split: 0.25 },
  });
  const batch = await whole(source, 'train');
  t.deepEqual([...(batch.token_type_ids as BigInt64Array)].slice(0, 6).map(Number), [0, 0, 0, 1, 1, 0]);
  t.deepEqual([...(batch.position_ids as BigInt64Array)].slice(0, 6).map(Number), [0, 1, 2, 3, 4, 5]);
  t.is(source.test.size, 1);
});

test('a text is blocks, and each token is told the one behind it', async (t) => {
  const source = await opened(t, 'text', {
    files: { 'a.txt': 'a good film was bad the plot\n'.repeat(4) },
    inputs: [ids('sequence')],
    settings: { length: 6, split: 0.25 },
  });
  t.is(source.train.size + source.test.size, 4);
  t.is(source.test.size, 1);
  const train = await whole(source, 'train');
  const tokens = [...(train.ids as BigInt64Array)].map(Number);
  const next = [...(train.labels as BigInt64Array)].map(Number);
  t.deepEqual(tokens.slice(0, 9), [4, 5, 6, 9, 7, 10, 8, 4, 5]);
  t.deepEqual(next.slice(0, 17), tokens.slice(1));
  const test = await whole(source, 'test');
  t.is(Number((test.ids as BigInt64Array)[0]), next.at(-1)!, 'the end of the text');
});

test('documents are joined by the token that ends them', async (t) => {
  const source = await opened(t, 'jsonl', {
    files: {
      'train.jsonl': lines({ text: 'a good' }, { text: 'film' }),
      'test.jsonl': lines({ text: 'a a a a' }),
    },
    inputs: [ids(4)],
    config: { eos_token: '[SEP]' },
  });
  const { ids: tokens, labels } = await whole(source, 'train');
  t.deepEqual([...(tokens as BigInt64Array)].map(Number), [4, 5, 3, 6]);
  t.deepEqual([...(labels as BigInt64Array)].map(Number), [5, 3, 6, 3]);
});

test('lines that are taken are those of their indices', async (t) => {
  const source = await opened(t, 'jsonl', { files: REVIEWS });
  const part = source.take({ train: Int32Array.of(2, 0) });
  const { labels, ids: tokens } = await whole(part, 'train');
  t.deepEqual([...(labels as BigInt64Array)], [1n, 1n]);
  t.is(Number((tokens as BigInt64Array)[1]), 5);
  t.is(part.test.size, 1);
});

test('whole numbers of JSON lines are classes as they are, and other labels by their characters', async (t) => {
  const records = (...labels: unknown[]) => lines(...labels.map((label) => ({ text: 'a good film', label })));
  const open = (train: string, tested: string, rest: object = {}) =>
    opened(t, 'jsonl', { files: { 'train.jsonl': train, 'test.jsonl': tested }, ...rest });
  const classOf = async (source: Source) =>
    [...((await whole(source, 'train')).labels as BigInt64Array)].map(Number);
  const numbers = await open(records(10, 2, '3', 2), records(3));
  t.deepEqual(await classOf(numbers), [10, 2, 3, 2]);
  t.is(numbers.targets[0]!.classes!.count, 11);
  t.regex(numbers.targets[0]!.classes!.largestAt!, /train\.jsonl, line 1, "label"$/);
  t.true(numbers.notes.includes('Classes are the whole numbers of label as they are, 0 to 10.'));
  t.true(numbers.notes.some((note) => note.startsWith('No sample has 8 of 11 labels: 0, 1, 4,')));
  const names = await open(records(10, 2, 'x', true), records('x'));
  t.deepEqual(await classOf(names), [0, 1, 3, 2]);
  t.true(names.notes.includes('Classes are the names of label: 10, 2, true, x.'));
  await t.throwsAsync(open(records(0, 1), records(1, 2)), {
    message: /test\.jsonl, line 2, "label": no training sample has the label 2/,
  });
  await t.throwsAsync(open(records(0, 1), records('x')), {
    message: /test\.jsonl, line 1, "label": "x" is no class label, which are whole numbers from 0/,
  });
  await t.throwsAsync(open(records(1, -1), records(1)), {
    message: /train\.jsonl, line 2, "label": "-1" is no class label/,
  });
});

test('with one label that stands for none, it is no class', async (t) => {
  const path = join(await temporaryFolder(t), 'a.jsonl');
  await writeFile(
    path,
    lines({ text: 'a', label: -1 }, { text: 'a', label: 1 }, { text: 'a', label: 0 }).repeat(2),
  );
  const settings = { tokenizer: await writeTokenizer(await temporaryFolder(t)), split: 0 } as DataSettings;
  const source = await openSource(`jsonl:${path}`, { seed: 0, inputs: [ids(5)], ignoreIndex: -1, settings });
  const { count, ignoreIndex } = source.targets[0]!.classes!;
  t.deepEqual([count, ignoreIndex], [2, -1]);
});

const refused: [title: string, kind: string, given: Case, message: RegExp][] = [
  [
    'a line that is no JSON',
    'jsonl',
    { files: { 'a.jsonl': '{"text":"a","label":1}\n{no\n' } },
    /a\.jsonl, line 2: expected a JSON object/,
  ],
  [
    'a text that is none',
    'jsonl',
    { files: { 'a.jsonl': lines({ text: 'a', label: 1 }, { text: 5, label: 1 }) } },
    /line 2: expected "text" to be a text, but found 5/,
  ],
  [
    'a class that is none',
    'jsonl',
    { files: { 'a.jsonl': lines({ text: 'a', label: 0.5 }) } },
    /line 1: expected "label" to be a class/,
  ],
  ['one class alone', 'jsonl', { files: { 'a.jsonl': lines({ text: 'a', label: 'x' }) } }, /the one class x/],
  [
    'a class unseen in training',
    'jsonl',
    { files: { ...REVIEWS, 'test.jsonl': lines({ text: 'a', label: 'perhaps' }) } },
    /test\.jsonl, line 1: the class "perhaps" is not in .*train\.jsonl, whose classes are no, yes/,
  ],
  [
    'no column of texts',
    'jsonl',
    { files: { 'a.jsonl': lines({ review: 'a', label: 1 }) } },
    /has the columns review, label: say which is the text/,
  ],
  [
    'a map of what texts do not give',
    'jsonl',
    { files: REVIEWS, settings: { map: { pixels: 'a' } } },
    /"map" names pixels/,
  ],
  [
    'no length',
    'jsonl',
    { files: REVIEWS, inputs: [ids('n')] },
    /leaves open how many tokens "ids" has: say it, as --length 128/,
  ],
  [
    'another length than the model',
    'jsonl',
    { files: REVIEWS, settings: { length: 9 } },
    /takes 5 tokens, but "length" is 9/,
  ],
  ['no tokenizer', 'jsonl', { files: REVIEWS, settings: { tokenizer: undefined } }, /Texts need a tokenizer/],
  [
    'an input that texts do not give',
    'jsonl',
    { files: REVIEWS, inputs: [ids(5), named('pixels', 'float', 3)] },
    /"pixels" \(float\) of the model is none that texts give/,
  ],
  ['an empty text', 'text', { files: { 'a.txt': ' \n' } }, /is empty: a text is expected/],
  [
    'too little text',
    'text',
    { files: { 'a.txt': 'a good film' } },
    /holds 3 tokens, too few for blocks of 5/,
  ],
  [
    'a folder without a part for training',
    'text',
    { files: { 'a.txt': 'a', 'b.txt': 'b' } },
    /holds no train\.txt/,
  ],
  [
    'a setting of other data',
    'text',
    { files: { 'a.txt': 'a' }, settings: { mean: [0] } },
    /have no use for "mean"/,
  ],
];
for (const [title, kind, given, message] of refused)
  test(`refused: ${title}`, async (t) => {
    await t.throwsAsync(opened(t, kind, given), { name: 'FlatminError', message });
  });

test('a tokenizer that is none is refused by its file', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'tokenizer.json');
  await writeFile(join(folder, 'a.txt'), 'a');
  const open = () =>
    openSource(`text:${join(folder, 'a.txt')}`, {
      seed: 0,
      inputs: [ids(5)],
      settings: { tokenizer: path } as DataSettings,
    });
  await t.throwsAsync(open(), { message: /tokenizer\.json does not exist/ });
  await writeFile(path, '{}');
  await t.throwsAsync(open(), { message: /tokenizer\.json is no tokenizer/ });
  await writeFile(path, '[');
  await t.throwsAsync(open(), { message: /tokenizer\.json is no JSON object/ });
});

test('texts that are cut off, and words that the tokenizer does not know, are told', async (t) => {
  const { notes } = await opened(t, 'jsonl', { files: REVIEWS });
  t.true(
    notes.some((note) => /1 of the first 3 texts are longer than 5 tokens/.test(note)),
    notes.join('\n'),
  );
  t.false(notes.some((note) => /unknown/.test(note)));
  const foreign = lines({ text: 'ein guter Film', label: 1 }, { text: 'schlecht', label: 0 });
  const { notes: others } = await opened(t, 'jsonl', { files: { 'a.jsonl': foreign } });
  const text = await opened(t, 'text', { files: { 'a.txt': 'ein guter Film '.repeat(9) } });
  for (const told of [others, text.notes])
    t.true(
      told.some((note) => /% of the tokens .* are unknown to the tokenizer/.test(note)),
      told.join('\n'),
    );
});
