import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import test from 'ava';
import { parquetWriteBuffer } from 'hyparquet-writer';
import sharp from 'sharp';
import { mlp } from '../../src/models/mlp.js';
import { writeModel } from '../../src/onnx/model.js';
import { npy } from '../fixtures/npy.js';
import { writeNpz } from '../fixtures/npz.js';
import { writeTokenizer } from '../unit/data/word-tokenizer.js';
import { commit, FakeHub } from '../unit/hub/fake-hub.js';
import { REPOSITORY } from './packed.js';
import { startCli, temporaryFolder } from './run-cli.js';

const x = (rows: number, width = 2) =>
  npy(
    '<f4',
    [rows, width],
    Float32Array.from({ length: rows * width }, (_, i) => Math.sin(i)),
  );
const y = (rows: number, odd?: bigint) =>
  npy(
    '<i8',
    [rows],
    BigInt64Array.from({ length: rows }, (_, i) => (odd !== undefined && i === 7 ? odd : BigInt(i % 3))),
  );
const lines = (count: number, line: (i: number) => string) =>
  `${Array.from({ length: count }, (_, i) => line(i)).join('\n')}\n`;
const csv = (odd?: string) =>
  `a,b,label\n${lines(12, (i) => (odd !== undefined && i === 7 ? odd : `${i},${-i},${'rgb'[i % 3]}`))}`;
const review = (i: number) => JSON.stringify({ text: 'the good film', label: i % 2 === 0 ? 'good' : 'bad' });
const grey = (label: (i: number) => number) =>
  sharp(
    Uint8Array.from({ length: 24 * 24 }, (_, i) => label(i)),
    { raw: { width: 24, height: 24, channels: 1 } },
  )
    .toColourspace('b-w')
    .png()
    .toBuffer();
/** A table of 12 rows in row groups of four. */
const parquet = (columns: Readonly<Record<string, (i: number) => unknown>> = {}, rows = 12) => {
  const all = {
    a: (i: number) => i + 0.5,
    b: (i: number) => -i - 0.5,
    label: (i: number) => 'rgb'[i % 3],
    ...columns,
  };
  const types: Readonly<Record<string, 'DOUBLE' | 'STRING' | 'BYTE_ARRAY'>> = {
    a: 'DOUBLE',
    b: 'DOUBLE',
    image: 'BYTE_ARRAY',
  };
  const columnData = Object.entries(all).map(([name, cell]) => ({
    ...{ name, type: types[name] ?? ('STRING' as const), nullable: true },
    data: Array.from({ length: rows }, (_, i) => cell(i)),
  }));
  return Buffer.from(parquetWriteBuffer({ columnData, rowGroupSize: [4], codec: 'UNCOMPRESSED' }));
};
/** The same with the number of a row overwritten, and the header of the page before it. */
const damagedParquet = () => {
  const bytes = parquet();
  const number = Buffer.alloc(8);
  number.writeDoubleLE(-4.5);
  const at = bytes.indexOf(number);
  bytes.fill(0xff, at - 40, at + 8);
  return bytes;
};
const latin1 = (text: string) => Buffer.from(text, 'latin1');
const example = (name: string) => join(REPOSITORY, 'examples', name, 'model.onnx');

interface Case {
  /** What is written, by the paths of files. */
  readonly files?: () => Promise<Readonly<Record<string, string | Uint8Array>>>;
  readonly arrays?: Readonly<Record<string, Uint8Array>>;
  /** Files of the data set owner/name of a hub. */
  readonly hub?: () => Readonly<Record<string, string | Uint8Array>>;
  readonly data: string;
  readonly model?: string;
  readonly args?: readonly string[];
  readonly says: RegExp;
  /** What refuses it. Default: all. */
  readonly by?: readonly string[];
}

const HEAD = commit('a');
const texts = ['--tokenizer', 'tokenizer.json', '--length'];
const cases: Record<string, Case> = {
  'samples of the test part that are larger': {
    arrays: { x_train: x(12), y_train: y(12), x_test: x(9, 3), y_test: y(9) },
    data: 'npz:set.npz',
    says: /"x_test" .*set\.npz is tested on, but "x_train" .* is trained on: both must be of floats with samples of 2/,
  },
  'a label beyond the classes of the model': {
    arrays: { x_train: x(12), y_train: y(12, 5n), x_test: x(9), y_test: y(9) },
    data: 'npz:set.npz',
    says: /6 classes of .*, the largest label, 5, in .*set\.npz, "y_train", row 7: --head 6/,
  },
  'a label that no training sample has': {
    arrays: { x_train: x(12), y_train: y(12), x_test: x(9), y_test: y(9, 4n) },
    data: 'npz:set.npz',
    model: 'five.onnx',
    by: ['train'],
    says: /set\.npz, "y_test", row 7: no training sample has the label 4, so .* Add such to the training part/,
  },
  'a row that is short': {
    files: async () => ({ 'set/train.csv': csv('1,r'), 'set/test.csv': csv() }),
    data: 'csv:set',
    says: /train\.csv is no table: its first row has 3 cells, and line 9 has 2\. Mend the line/,
  },
  'a class that no training row has': {
    files: async () => ({ 'set/train.csv': csv(), 'set/test.csv': csv('1,2,violet') }),
    data: 'csv:set',
    says: /test\.csv, row 8 \(line 9\), column "label": "violet" is a class that no training row has/,
  },
  'one class more than the model has': {
    files: async () => ({ 'set/train.csv': csv('1,2,violet'), 'set/test.csv': csv() }),
    data: 'csv:set',
    says: /does not fit the 4 classes of .*set, b, g, r, violet: --head 4/,
  },
  'texts longer than the positions of the model': {
    files: async () => ({ 'set/train.jsonl': lines(12, review), 'set/test.jsonl': lines(4, review) }),
    data: 'jsonl:set',
    model: example('text-classifier'),
    args: [...texts, '500'],
    says: /Samples of .*set are 500 tokens, which the model leaves open: .* give a smaller --length/,
  },
  'a line that is cut off': {
    files: async () => ({
      'set/train.jsonl': lines(12, (i) => (i === 7 ? '{"text":' : review(i))),
      'set/test.jsonl': lines(4, review),
    }),
    data: 'jsonl:set',
    model: example('text-classifier'),
    args: [...texts, '8'],
    says: /train\.jsonl, line 8: expected a JSON object, but found .*: mend or remove the line/,
  },
  'a mask of the test part with another class': {
    files: async () => {
      const names = Array.from({ length: 5 }, (_, i) => `${i}.png`);
      const parts = names.flatMap((name) => ['train', 'val'].map((part) => [part, name] as const));
      const made = parts.map(async ([part, name]) => {
        const isOdd = part === 'val' && name === '2.png';
        return [
          [`set/${part}/images/${name}`, await grey((i) => i % 256)],
          [`set/${part}/masks/${name}`, await grey((i) => (isOdd && i === 9 ? 5 : i % 3))],
        ] as const;
      });
      return Object.fromEntries((await Promise.all(made)).flat());
    },
    data: 'pairs:set',
    model: example('segmentation'),
    says: /6 classes of set, the largest label, 5, in .*set\/val\/masks\/2\.png: --head 6/,
  },
  'a Parquet file without a number in a row': {
    files: async () => ({
      'set/train.parquet': parquet({ b: (i) => (i === 6 ? null : i) }),
      'set/test.parquet': parquet(),
    }),
    data: 'parquet:set',
    says: /train\.parquet, row 7, column "b": there is no value: fill it in, remove the row, or/,
  },
  'a Parquet file without a class in a row': {
    files: async () => ({
      'set/train.parquet': parquet({ label: (i) => (i === 6 ? null : 'r') }),
      'set/test.parquet': parquet(),
    }),
    data: 'parquet:set',
    says: /train\.parquet, row 7, column "label": there is no class: fill it in, or remove the row/,
  },
  'a Parquet file with a class that no training row has': {
    files: async () => ({
      'set/train.parquet': parquet(),
      'set/test.parquet': parquet({ label: (i) => (i === 6 ? 'violet' : 'r') }),
    }),
    data: 'parquet:set',
    says: /test\.parquet, row 7, column "label": "violet" is a class that no training row has .*: remove the row/,
  },
  'a Parquet file that lacks a column': {
    files: async () => ({
      'set/train.parquet': parquet(),
      'set/test.parquet': parquet({ b: () => null, c: () => 'x' }),
    }),
    data: 'parquet:set',
    args: ['--map', 'images=a+d'],
    says: /train\.parquet has no column "d": it has "a", "b", "label"\. Name one of them, as --map/,
  },
  'a damaged page of a Parquet file': {
    files: async () => ({ 'set/train.parquet': damagedParquet(), 'set/test.parquet': parquet() }),
    data: 'parquet:set',
    says: /train\.parquet, row group 2 \(rows 5 to 8\), column "b": damaged, .*\. Get or write the file anew/,
  },
  'a Parquet file that is cut off': {
    files: async () => ({ 'set/train.parquet': parquet().subarray(0, 200), 'set/test.parquet': parquet() }),
    data: 'parquet:set',
    says: /train\.parquet is no Parquet file, or a damaged one: .*\. Get or write it anew/,
  },
  'an image of a Parquet file that is none': {
    files: async () => {
      const png = await grey((i) => i % 256);
      const image = (i: number) => (i === 6 ? png.subarray(0, 60) : png);
      return { 'set/train.parquet': parquet({ image }), 'set/test.parquet': parquet({ image: () => png }) };
    },
    data: 'parquet:set',
    model: 'pixels.onnx',
    says: /train\.parquet, row 7, column "image": the image cannot be decoded: .*; mend it, or remove the row/,
    by: ['train'],
  },
  'a Parquet text that is none': {
    files: async () => {
      const columns = { text: (i: number) => (i === 6 ? null : 'the good film') };
      return { 'set/train.parquet': parquet(columns), 'set/test.parquet': parquet(columns) };
    },
    data: 'parquet:set',
    model: example('text-classifier'),
    args: [...texts, '8'],
    says: /train\.parquet, row 7, column "text": there is no text: fill it in, or remove the row/,
  },
  'a Parquet set of the hub without a number in a row': {
    hub: () => ({
      'data/train.parquet': parquet({ b: (i) => (i === 6 ? null : i) }),
      'data/test.parquet': parquet(),
    }),
    data: 'hf:owner/name',
    says: /train\.parquet, row 7, column "b": there is no value/,
  },
  'a Parquet set of the hub with a damaged page': {
    hub: () => ({ 'data/train.parquet': damagedParquet(), 'data/test.parquet': parquet() }),
    data: 'hf:owner/name',
    says: /train\.parquet, row group 2 \(rows 5 to 8\), column "b": damaged/,
  },
  'a data set of the hub without data': {
    hub: () => ({ 'README.md': 'nothing', 'model.zip': 'zip' }),
    data: 'hf:owner/name',
    says: /has no data that can be read: expected files of \.parquet.* it has README\.md, model\.zip/,
  },
  'a data set that the hub has not': {
    hub: () => ({ 'a.csv': csv() }),
    data: 'hf:owner/other',
    says: /There is no data set owner\/other at http/,
  },
  'a CSV of the hub that is not UTF-8': {
    hub: () => ({ 'train.csv': latin1(csv('1,2,caf\xe9')), 'test.csv': csv() }),
    data: 'hf:owner/name',
    says: /train\.csv, line 9: byte \d+ of the file, counted from 0, is 0xe9, which is not UTF-8 there: save/,
  },
  'a CSV that is not UTF-8': {
    files: async () => ({ 'set/train.csv': latin1(csv('1,2,caf\xe9')), 'set/test.csv': csv() }),
    data: 'csv:set',
    says: /train\.csv, line 9: byte \d+ of the file, counted from 0, is 0xe9, which is not UTF-8 there: save/,
  },
  'a CSV in UTF-16': {
    files: async () => ({ 'set/train.csv': Buffer.from(`\ufeff${csv()}`, 'utf16le'), 'set/test.csv': csv() }),
    data: 'csv:set',
    says: /train\.csv is no text in UTF-8. It begins with a byte order mark of UTF-16: save it as UTF-8/,
  },
  'JSON lines that are not UTF-8': {
    files: async () => ({
      'set/train.jsonl': latin1(lines(12, (i) => review(i).replace('film', i === 7 ? 'fil\xe9' : 'film'))),
      'set/test.jsonl': lines(4, review),
    }),
    data: 'jsonl:set',
    model: example('text-classifier'),
    args: [...texts, '8'],
    says: /train\.jsonl, line 8: byte \d+ of the file, counted from 0, is 0xe9/,
  },
};

for (const [what, { files, arrays, hub, data, model = 'model.onnx', args = [], says, by }] of Object.entries(
  cases,
))
  test.serial(
    `${what}: refused by ${by?.join() ?? 'train, evaluate and predict'}, and nothing is written`,
    async (t) => {
      const folder = temporaryFolder(t);
      const path = (name: string) => join(folder, name);
      await writeModel(mlp({ inputShape: [2], hidden: [4], classes: 3 }), path('model.onnx'));
      await writeModel(mlp({ inputShape: [2], hidden: [4], classes: 5 }), path('five.onnx'));
      await writeTokenizer(folder);
      for (const [name, content] of Object.entries((await files?.()) ?? {})) {
        mkdirSync(dirname(path(name)), { recursive: true });
        writeFileSync(path(name), content);
      }
      if (arrays) writeNpz(path('set.npz'), arrays);
      await writeModel(mlp({ inputShape: [1, 24, 24], hidden: [4], classes: 3 }), path('pixels.onnx'));
      const stored = Object.entries(hub?.() ?? {}).map(([name, content]) => [
        name,
        { bytes: Buffer.from(content) },
      ]);
      const repository = { commits: { [HEAD]: Object.fromEntries(stored) }, refs: { main: HEAD } };
      const env = hub && {
        HF_ENDPOINT: (await FakeHub.open(t, { 'datasets/owner/name': repository })).endpoint,
        FLATMIN_CACHE: temporaryFolder(t),
        ...{ HF_TOKEN: '', HF_HUB_OFFLINE: '' },
      };
      const before = readdirSync(folder);
      const [kind, location] = data.split(':') as [string, string];
      const given = args.map((arg) => (arg === 'tokenizer.json' ? path(arg) : arg));
      const subject = isAbsolute(model) ? model : path(model);
      const common = ['--data', hub ? data : `${kind}:${path(location)}`, '--threads', '1', ...given];
      for (const command of [
        ['train', '--model', subject, '--batch', '4', '--epochs', '1', '--out', path('run')],
        ['evaluate', subject],
        ['predict', subject, '--out', path('predictions.csv')],
      ].filter(([command]) => by?.includes(command!) ?? true)) {
        const { code, stderr } = await startCli([...command, ...common], env).result;
        t.is(code, 1, command[0]);
        t.regex(stderr, says);
        t.false(existsSync(path('run')));
        t.deepEqual(readdirSync(folder), before);
      }
    },
  );
