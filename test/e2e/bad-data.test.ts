import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import test from 'ava';
import sharp from 'sharp';
import { mlp } from '../../src/models/mlp.js';
import { writeModel } from '../../src/onnx/model.js';
import { npy } from '../fixtures/npy.js';
import { writeNpz } from '../fixtures/npz.js';
import { writeTokenizer } from '../unit/data/word-tokenizer.js';
import { REPOSITORY } from './packed.js';
import { runCli, temporaryFolder } from './run-cli.js';

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
const example = (name: string) => join(REPOSITORY, 'examples', name, 'model.onnx');

interface Case {
  /** What is written, by the paths of files. */
  readonly files?: () => Promise<Readonly<Record<string, string | Uint8Array>>>;
  readonly arrays?: Readonly<Record<string, Uint8Array>>;
  readonly data: string;
  readonly model?: string;
  readonly args?: readonly string[];
  readonly says: RegExp;
  /** What refuses it. Default: all. */
  readonly by?: readonly string[];
}

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
};

for (const [what, { files, arrays, data, model = 'model.onnx', args = [], says, by }] of Object.entries(
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
      const before = readdirSync(folder);
      const [kind, location] = data.split(':') as [string, string];
      const given = args.map((arg) => (arg === 'tokenizer.json' ? path(arg) : arg));
      const subject = isAbsolute(model) ? model : path(model);
      const common = ['--data', `${kind}:${path(location)}`, '--threads', '1', ...given];
      for (const command of [
        ['train', '--model', subject, '--batch', '4', '--epochs', '1', '--out', path('run')],
        ['evaluate', subject],
        ['predict', subject, '--out', path('predictions.csv')],
      ].filter(([command]) => by?.includes(command!) ?? true)) {
        const { code, stderr } = await runCli(...command, ...common);
        t.is(code, 1, command[0]);
        t.regex(stderr, says);
        t.false(existsSync(path('run')));
        t.deepEqual(readdirSync(folder), before);
      }
    },
  );
