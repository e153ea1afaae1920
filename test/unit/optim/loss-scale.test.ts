import test from 'ava';
import { FlatminError } from '../../../src/errors.js';
import { LossScaler } from '../../../src/optim/loss-scale.js';

/** Records outcomes from the scaler's next step on: '.' clean, 'x' overflow; returns the scales that the steps had. */
function play(scaler: LossScaler, outcomes: string): number[] {
  return [...outcomes].map((outcome) => {
    const { step } = scaler.state();
    const scale = scaler.scaleOf(step);
    scaler.record(step, outcome === '.');
    return scale;
  });
}

test('starts at 2^16, halves on overflow and doubles after 2,000 clean steps', (t) => {
  const scaler = new LossScaler();
  t.deepEqual(play(scaler, '.x.'), [65536, 65536, 32768]);
  play(scaler, '.'.repeat(1998));
  t.is(scaler.scaleOf(2001), 32768);
  play(scaler, '.');
  t.is(scaler.scaleOf(2002), 65536);
  t.is(scaler.skipped, 1);
});

test('an overflow starts the count of clean steps again', (t) => {
  const scaler = new LossScaler({ initial: 8, interval: 3 });
  t.deepEqual(play(scaler, '..x...x....'), [8, 8, 8, 4, 4, 4, 8, 4, 4, 4, 8]);
  t.is(scaler.skipped, 2);
});

test('a scale depends on the outcomes that are older than the latency alone', (t) => {
  const [early, late] = [1, 2].map(() => new LossScaler({ initial: 8, latency: 2 }));
  // One hears of the overflow at once, the other when it has to.
  early!.record(0, false);
  t.deepEqual([early!.scaleOf(1), early!.scaleOf(2), early!.scaleOf(3)], [8, 8, 4]);
  t.deepEqual([late!.scaleOf(0), late!.scaleOf(1), late!.scaleOf(2)], [8, 8, 8]);
  t.throws(() => late!.scaleOf(3), { instanceOf: RangeError, message: /step 3 is not known/ });
  late!.record(0, false);
  t.is(late!.scaleOf(3), 4);
});

test('steps under way when the scale falls lower it no more', (t) => {
  const scaler = new LossScaler({ initial: 8, latency: 2 });
  t.deepEqual(play(scaler, 'xxx.x...'), [8, 8, 8, 4, 4, 4, 4, 2]);
  t.is(scaler.skipped, 4);
});

test('steps under way when the scale rises do not count for the new one, and their overflow lowers it below theirs', (t) => {
  const scaler = new LossScaler({ initial: 8, interval: 2, latency: 1 });
  // Step 1 completes the interval: step 3 has 16. Step 2 still had 8, so that 16 rises only after steps 3 and 4.
  t.deepEqual(play(scaler, '.......'), [8, 8, 8, 16, 16, 16, 32]);
  const falling = new LossScaler({ initial: 8, interval: 2, latency: 1 });
  t.deepEqual(play(falling, '..x...'), [8, 8, 8, 16, 4, 4]);
});

test('a restored scaler goes on as the one that was saved', (t) => {
  const scaler = new LossScaler({ initial: 8, interval: 3, latency: 2 });
  play(scaler, '..x.');
  const restored = new LossScaler({ initial: 8, interval: 3, latency: 2 });
  restored.restore(JSON.parse(JSON.stringify(scaler.state())));
  const rest = '..x......x..';
  t.deepEqual(play(restored, rest), play(scaler, rest));
  t.deepEqual(restored.state(), scaler.state());
});

test('with another latency it goes on from the last scale', (t) => {
  const scaler = new LossScaler({ initial: 8, latency: 2 });
  play(scaler, 'x');
  for (const latency of [0, 4]) {
    const other = new LossScaler({ latency });
    other.restore(scaler.state());
    t.deepEqual([other.scaleOf(1), other.scaleOf(1 + latency), other.skipped], [4, 4, 1]);
  }
});

test('an overflow with the smallest scale ends the run, naming the step', (t) => {
  const scaler = new LossScaler({ initial: 4, minimum: 1 });
  play(scaler, '.xx');
  const error = t.throws(() => play(scaler, 'x'), { instanceOf: FlatminError });
  t.is((error as FlatminError).code, 'NOT_FINITE');
  t.regex(error.message, /at step 4, though the loss scale is down to 1 \(2 steps skipped so far\)/);
});

test('the scale stays a number that float32 holds', (t) => {
  const scaler = new LossScaler({ initial: 2 ** 60, interval: 1 });
  t.deepEqual(play(scaler, '...'), [2 ** 60, 2 ** 60, 2 ** 60]);
});

test('outcomes come in the order of the steps', (t) => {
  const scaler = new LossScaler();
  t.throws(() => scaler.record(1, true), { instanceOf: RangeError });
  scaler.record(0, true);
  t.throws(() => scaler.record(0, true), { instanceOf: RangeError });
  t.throws(() => scaler.scaleOf(0), { instanceOf: RangeError });
});

test('options out of range are named', (t) => {
  const refused = { initial: 0.5, growth: 0, backoff: 1, interval: 0, minimum: 0, latency: -1 };
  for (const [name, value] of Object.entries(refused)) {
    const error = t.throws(() => new LossScaler({ [name]: value }), { instanceOf: FlatminError });
    t.regex(error.message, new RegExp(`Expected ${name}`));
  }
});
