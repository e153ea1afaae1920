import { appendFile, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { metricsLine, parseMetricsLine } from '../../../src/formats/run/metrics.js';
import { MetricsLog } from '../../../src/run/folder/metrics.js';

async function temporaryPath(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), 'flatmin-metrics-')), 'metrics.jsonl');
}

const line = (step: number) => metricsLine({ step, epoch: 1, loss: 0.5, lr: 0.1 });

async function logSteps(log: MetricsLog, from: number, to: number): Promise<void> {
  for (let step = from; step <= to; step++) log.append({ step, epoch: 1, loss: 1 / step, lr: 0.1 });
}

test('appends one object a line, at once', async (t) => {
  const path = await temporaryPath();
  const log = await MetricsLog.open(path);
  log.append({ step: 1, epoch: 1, loss: 0.5, lr: 0.1 });
  t.is(await readFile(path, 'utf8'), '{"step":1,"epoch":1,"loss":0.5,"lr":0.1}\n');
  log.close();
  const again = await MetricsLog.open(path);
  await logSteps(again, 2, 2);
  again.close();
  t.is((await readFile(path, 'utf8')).split('\n').length, 3);
});

test('names what JSON has no number for, and reads it back', async (t) => {
  const path = await temporaryPath();
  const log = await MetricsLog.open(path);
  const record = { step: 1, epoch: 1, epochLoss: Number.NaN, testLoss: Number.POSITIVE_INFINITY };
  log.append(record);
  log.close();
  const text = await readFile(path, 'utf8');
  t.is(text, '{"step":1,"epoch":1,"epochLoss":"NaN","testLoss":"Infinity"}\n');
  t.deepEqual(parseMetricsLine(text, path), record);
});

test('an interrupted and resumed log equals an uninterrupted one', async (t) => {
  const [whole, resumed] = [await temporaryPath(), await temporaryPath()];
  const uninterrupted = await MetricsLog.open(whole);
  await logSteps(uninterrupted, 1, 9);
  uninterrupted.close();

  const before = await MetricsLog.open(resumed);
  await logSteps(before, 1, 7);
  before.close();
  await appendFile(resumed, '{"step":8,"lo');
  const after = await MetricsLog.open(resumed);
  await after.drop(({ step }) => step > 5);
  await logSteps(after, 6, 9);
  after.close();
  t.is(await readFile(resumed, 'utf8'), await readFile(whole, 'utf8'));
});

test('opening drops a torn last line and keeps the rest', async (t) => {
  const path = await temporaryPath();
  await writeFile(path, `${line(1)}{"st`);
  const log = await MetricsLog.open(path);
  await logSteps(log, 2, 2);
  log.close();
  t.is(await readFile(path, 'utf8'), `${line(1)}${metricsLine({ step: 2, epoch: 1, loss: 0.5, lr: 0.1 })}`);
});

test('a bad line that no kill explains is an error that names it', async (t) => {
  const path = await temporaryPath();
  const refused = async (text: string, message: RegExp) => {
    await writeFile(path, text);
    await t.throwsAsync(MetricsLog.open(path), { code: 'INVALID_DATA', message });
  };
  await refused(`${line(1)}hello\n${line(2)}`, /metrics\.jsonl, line 2: .*"hello"/);
  await refused(`${line(1)}[1]\n`, /metrics\.jsonl, line 2: expected it to be an object, but found/);
  await refused('{"step":1,"epoch":1,"loss":"low","lr":1}\n', /line 1: expected "loss" to be .*found "low"/);
});
