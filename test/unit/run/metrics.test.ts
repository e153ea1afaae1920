import { appendFile, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { metricsLine, parseMetricsLine } from '../../../src/formats/run/metrics.js';
import { MetricsLog, type MetricsMark } from '../../../src/run/folder/metrics.js';

async function temporaryPath(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), 'flatmin-metrics-')), 'metrics.jsonl');
}

const line = (step: number) => metricsLine({ step, epoch: 1, loss: 0.5, lr: 0.1 });

async function logSteps(log: MetricsLog, from: number, to: number): Promise<void> {
  for (let step = from; step <= to; step++) log.append({ step, epoch: 1, loss: 1 / step, lr: 0.1 });
}

const open = (path: string, mark?: MetricsMark, damage: string[] = []) =>
  MetricsLog.open(
    path,
    mark,
    ({ step }) => step > 5,
    (text) => void damage.push(text),
  );

test('appends one object a line, at once', async (t) => {
  const path = await temporaryPath();
  const log = await open(path);
  log.append({ step: 1, epoch: 1, loss: 0.5, lr: 0.1 });
  t.is(await readFile(path, 'utf8'), '{"step":1,"epoch":1,"loss":0.5,"lr":0.1}\n');
  const mark = log.sync();
  log.close();
  const again = await open(path, mark);
  await logSteps(again, 2, 2);
  again.close();
  t.is((await readFile(path, 'utf8')).split('\n').length, 3);
});

test('names what JSON has no number for, and reads it back', async (t) => {
  const path = await temporaryPath();
  const log = await open(path);
  const record = { step: 1, epoch: 1, epochLoss: Number.NaN, testLoss: Number.POSITIVE_INFINITY };
  log.append(record);
  log.close();
  const text = await readFile(path, 'utf8');
  t.is(text, '{"step":1,"epoch":1,"epochLoss":"NaN","testLoss":"Infinity"}\n');
  t.deepEqual(parseMetricsLine(text, path), record);
});

test('an interrupted and resumed log equals an uninterrupted one', async (t) => {
  const [whole, resumed] = [await temporaryPath(), await temporaryPath()];
  const uninterrupted = await open(whole);
  await logSteps(uninterrupted, 1, 9);
  uninterrupted.close();

  const before = await open(resumed);
  await logSteps(before, 1, 5);
  const mark = before.sync();
  await logSteps(before, 6, 7);
  before.close();
  await appendFile(resumed, '{"step":8,"lo');
  const damage: string[] = [];
  const after = await open(resumed, mark, damage);
  await logSteps(after, 6, 9);
  after.close();
  t.is(await readFile(resumed, 'utf8'), await readFile(whole, 'utf8'));
  t.deepEqual(damage, []);
});

test('without a mark a run begins, and what another one left is dropped', async (t) => {
  const path = await temporaryPath();
  await writeFile(path, `${line(1)}{"st`);
  (await open(path)).close();
  t.is(await readFile(path, 'utf8'), '');
});

test('records that were lost or changed before the mark are told, and those that can be read are kept', async (t) => {
  const path = await temporaryPath();
  const log = await open(path);
  await logSteps(log, 1, 5);
  const mark = log.sync();
  log.close();
  const whole = await readFile(path, 'utf8');
  const lines = whole.trimEnd().split('\n');
  const damages: Record<string, [text: string, kept: number]> = {
    'a flipped digit': [whole.replace('"loss":0.5', '"loss":0.7'), 5],
    'a line cut out': [lines.toSpliced(2, 1).join('\n').concat('\n'), 4],
    'a cut-off end': [whole.slice(0, -20), 4],
    'a line that is none': [whole.replace(lines[1]!, 'hello'), 4],
    nothing: ['', 0],
  };
  for (const [name, [text, kept]] of Object.entries(damages)) {
    await writeFile(path, text);
    const damage: string[] = [];
    (await open(path, mark, damage)).close();
    t.regex(damage.join(), new RegExp(`not what it was at the checkpoint.* ${kept} records`), name);
    t.is((await readFile(path, 'utf8')).split('\n').length - 1, kept, name);
    t.is(await readFile(path.replace('.jsonl', '.damaged.jsonl'), 'utf8'), text, name);
  }
});

test('an error of the system names the file', async (t) => {
  const path = await temporaryPath();
  const log = await open(path);
  log.close();
  const message = new RegExp(`EBADF.* '${path}'$`);
  t.throws(() => log.append({ step: 1, epoch: 1, loss: 0.5, lr: 0.1 }), { message });
  t.throws(() => log.sync(), { message });
});
