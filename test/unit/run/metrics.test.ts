import { appendFile, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { MetricsLog } from '../../../src/run/folder/metrics.js';

async function temporaryPath(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), 'flatmin-metrics-')), 'metrics.jsonl');
}

async function logSteps(log: MetricsLog, from: number, to: number): Promise<void> {
  for (let step = from; step <= to; step++)
    log.append({ step, loss: 1 / step, test: { accuracy: step / 10 } });
}

test('appends one object a line, at once', async (t) => {
  const path = await temporaryPath();
  const log = await MetricsLog.open(path);
  log.append({ step: 1, loss: 0.5, text: 'two\nlines' });
  t.is(await readFile(path, 'utf8'), '{"step":1,"loss":0.5,"text":"two\\nlines"}\n');
  log.close();
  const again = await MetricsLog.open(path);
  again.append({ step: 2 });
  again.close();
  t.is((await readFile(path, 'utf8')).split('\n').length, 3);
});

test('names what JSON has no number for', async (t) => {
  const path = await temporaryPath();
  const log = await MetricsLog.open(path);
  log.append({
    step: 1,
    a: Number.NaN,
    b: [Number.POSITIVE_INFINITY],
    c: { d: Number.NEGATIVE_INFINITY },
    e: null,
  });
  log.close();
  t.deepEqual(JSON.parse(await readFile(path, 'utf8')), {
    step: 1,
    a: 'NaN',
    b: ['Infinity'],
    c: { d: '-Infinity' },
    e: null,
  });
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
  await after.drop(({ step }) => Number(step) > 5);
  await logSteps(after, 6, 9);
  after.close();
  t.is(await readFile(resumed, 'utf8'), await readFile(whole, 'utf8'));
});

test('opening drops a torn last line and keeps the rest', async (t) => {
  const path = await temporaryPath();
  await writeFile(path, '{"step":1}\n{"st');
  const log = await MetricsLog.open(path);
  log.append({ step: 2 });
  log.close();
  t.is(await readFile(path, 'utf8'), '{"step":1}\n{"step":2}\n');
});

test('a bad line that no kill explains is an error that names it', async (t) => {
  const path = await temporaryPath();
  await writeFile(path, '{"step":1}\nhello\n{"step":2}\n');
  await t.throwsAsync(MetricsLog.open(path), {
    code: 'INVALID_DATA',
    message: /metrics\.jsonl, line 2: .*"hello"/,
  });
});
