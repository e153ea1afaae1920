import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parquetWriteBuffer } from 'hyparquet-writer';
import type { TrainSummary } from '../../src/formats/run/summary.js';
import { writeTokenizer } from '../unit/data/word-tokenizer.js';
import { REPOSITORY } from './packed.js';
import { runCli, temporaryFolder } from './run-cli.js';

const MODEL = join(REPOSITORY, 'examples', 'text-classifier', 'model.onnx');
interface Review {
  readonly review: string;
  readonly stars: string;
}
/** A word decides; commas, quotes and line ends in the texts are what a CSV has in quotes. */
const reviews = (count: number): Review[] =>
  Array.from({ length: count }, (_, i) => {
    const word = i % 2 === 0 ? 'good' : 'bad';
    const review = [
      'the film was, a "WORD" plot',
      'WORD film\nthe plot',
      'a film the WORD',
      'the plot was WORD',
    ][i % 4]!;
    return { review: review.replace('WORD', word), stars: word === 'good' ? 'five' : 'one' };
  });

const FORMATS: Record<string, (rows: readonly Review[]) => string | Buffer> = {
  csv: (rows) =>
    `id,stars,review\n${rows.map(({ review, stars }, i) => `${i},${stars},"${review.replaceAll('"', '""')}"\n`).join('')}`,
  parquet: (rows) =>
    Buffer.from(
      parquetWriteBuffer({
        columnData: [
          { name: 'id', data: Int32Array.from(rows.keys()), type: 'INT32' },
          { name: 'stars', data: rows.map(({ stars }) => stars), type: 'STRING' },
          { name: 'review', data: rows.map(({ review }) => review), type: 'STRING' },
        ],
        rowGroupSize: [50],
      }),
    ),
};

const summaries: Record<string, TrainSummary> = {};
for (const [format, write] of Object.entries(FORMATS))
  test.serial(`a column of texts of a ${format} file: trained on, evaluated and predicted`, async (t) => {
    const folder = temporaryFolder(t);
    const [data, out, predictions] = ['data', 'run', 'predictions.jsonl'].map((name) =>
      join(folder, name),
    ) as [string, string, string];
    mkdirSync(data);
    const tested = reviews(40);
    writeFileSync(join(data, `train.${format}`), write(reviews(160)));
    writeFileSync(join(data, `test.${format}`), write(tested));
    const set = [
      ...['--data', `${format}:${data}`, '--tokenizer', await writeTokenizer(folder), '--length', '12'],
      ...['--map', 'text=review,labels=stars'],
    ];
    const how = ['--optimizer', 'adamw', '--lr', '0.01', '--batch', '32', '--epochs', '6', '--threads', '1'];
    const trained = await runCli('train', '--model', MODEL, ...set, ...how, '--json', '--out', out);
    t.is(trained.code, 0, trained.stderr);
    t.regex(trained.stderr, /Texts are "review"/);
    const summary: TrainSummary = JSON.parse(trained.stdout);
    summaries[format] = summary;
    t.is(summary.metrics.accuracy, 1);
    for (const subject of [[out], [join(out, 'model.onnx'), ...set]]) {
      const { code, stdout, stderr } = await runCli('evaluate', ...subject, '--json');
      t.is(code, 0, stderr);
      const { metrics, loss } = JSON.parse(stdout) as { metrics: Record<string, number>; loss: number };
      t.is(metrics.accuracy, 1);
      t.true(Math.abs(loss - summary.testLoss!) < 1e-6);
    }
    const predicted = await runCli('predict', out, '--out', predictions);
    t.is(predicted.code, 0, predicted.stderr);
    const lines = readFileSync(predictions, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    t.deepEqual(
      lines.map(({ predicted: [{ name }] }) => name),
      tested.map(({ stars }) => stars),
    );
  });

test.serial('texts of a CSV and of a Parquet file train alike', (t) => {
  const [csv, parquet] = [summaries.csv!, summaries.parquet!];
  t.is(csv.testLoss, parquet.testLoss);
  t.is(csv.trainLoss, parquet.trainLoss);
});
