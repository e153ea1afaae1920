import { PassThrough } from 'node:stream';
import test from 'ava';
import { createProgress, type ProgressOptions } from '../../../src/run/listeners/progress.js';

/** A stream that keeps what is written to it. */
function recorder(isTTY: boolean) {
  const chunks: string[] = [];
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 200, rows: 24 });
  stream.on('data', (chunk) => chunks.push(String(chunk)));
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => chunks.join('') };
}

function plain(options: Partial<ProgressOptions> = {}) {
  const { stream, text } = recorder(false);
  const time = { ms: 0 };
  const progress = createProgress({ label: 'epoch 1', total: 400, stream, clock: () => time.ms, ...options });
  return { progress, time, text };
}

test('plain lines come at most every 10 s, and the last one always', (t) => {
  const { progress, time, text } = plain();
  for (let done = 1; done <= 250; done++) {
    time.ms += 100;
    progress.update(done, { loss: 2 - done / 1000, imagesPerSecond: 1280.4 });
  }
  progress.stop();
  progress.stop();
  t.deepEqual(text().split('\n'), [
    'epoch 1 100/400 25 % | loss 1.900 | 1280 images/s | 0:30 left',
    'epoch 1 200/400 50 % | loss 1.800 | 1280 images/s | 0:20 left',
    'epoch 1 250/400 62 % | loss 1.750 | 1280 images/s | 0:15 left',
    '',
  ]);
});

test('time left leaves out the work of an earlier run', (t) => {
  const { progress, time, text } = plain({ start: 300 });
  time.ms = 3_600_000;
  progress.update(350, { loss: 1, metric: 'accuracy 45.67 %', imagesPerSecond: 0.52 });
  t.is(text(), 'epoch 1 350/400 87 % | loss 1.000 | accuracy 45.67 % | 0.5 images/s | 1:00:00 left\n');
});

test('skipped steps are told', (t) => {
  const { progress, time, text } = plain();
  time.ms = 3_600_000;
  progress.update(100, { loss: 1, imagesPerSecond: 64, skipped: 1 });
  time.ms += 3_600_000;
  progress.update(200, { loss: 1, imagesPerSecond: 64, skipped: 12 });
  t.regex(text(), /64 images\/s \| 1 step skipped \| .*\n.* \| 12 steps skipped \| /);
});

test('stopping before any update prints nothing; a note is a line at once', (t) => {
  const { progress, text } = plain();
  progress.stop();
  t.is(text(), '');
  progress.note('saved');
  t.is(text(), 'saved\n');
});

test('a terminal has a bar, notes above it, and the last state after it', (t) => {
  const { stream, text } = recorder(true);
  const progress = createProgress({ label: 'epoch 1', total: 4, stream, clock: () => 0 });
  progress.update(3, { loss: 0.5, imagesPerSecond: 64 });
  progress.note('saved');
  t.true(text().includes('saved\n'));
  t.regex(text(), /epoch 1 █+░+ 3\/4 75 % \| loss 0\.5000 \| 64 images\/s/);
  progress.stop();
  t.true(text().endsWith('epoch 1 3/4 75 % | loss 0.5000 | 64 images/s | 0:00 left\n'));
  const length = text().length;
  progress.stop();
  t.is(text().length, length);
  progress.note('done');
  t.is(text().slice(length), 'done\n');
});

for (const isTTY of [true, false]) {
  test(`nothing is printed when not enabled, ${isTTY ? 'terminal' : 'plain'}`, (t) => {
    const { stream, text } = recorder(isTTY);
    const progress = createProgress({ label: 'a', total: 4, stream, enabled: false });
    progress.update(4, { loss: 1, imagesPerSecond: 1 });
    progress.note('x');
    progress.stop();
    t.is(text(), '');
  });
}
