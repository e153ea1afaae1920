import test from 'ava';
import { TimeLimit, toDuration } from '../../../src/cli/time-limit.js';

test('durations are sums of days, hours, minutes and seconds', (t) => {
  const seconds = { '90s': 90, '10m': 600, '3h50m': 13_800, '1d2h': 93_600, '1h0m5s': 3605 };
  for (const [text, expected] of Object.entries(seconds)) t.is(toDuration(text).seconds, expected, text);
  for (const text of ['', '0s', '10', '3h50', '50m3h', '1.5h', '-1m', '5 m', 'soon'])
    t.throws(() => toDuration(text), { message: /not a duration, such as 90s, 10m or 3h50m/ }, text);
});

/** A limit of 100 seconds, and what its clock shows. */
function limitOf(t: { teardown(fn: () => void): void }, seconds = 100) {
  const state = { now: 0, near: 0 };
  const limit = new TimeLimit(
    seconds,
    () => state.near++,
    () => state.now,
  );
  t.teardown(() => limit.end());
  return { limit, state };
}

test('a limit is near when no more is left than twice the longest stretch, and 2 seconds', (t) => {
  const { limit, state } = limitOf(t);
  limit.took(5);
  limit.took(1);
  state.now = 87.9;
  limit.took(1);
  t.is(state.near, 0);
  state.now = 88;
  limit.took(1);
  t.is(state.near, 1);
});

test('a stretch that would not fit any more brings the limit near', (t) => {
  const { limit, state } = limitOf(t);
  state.now = 50;
  limit.took(24.5);
  t.is(state.near, 1);
});

test('a limit that is over at the start is near at once; one of months is not', (t) => {
  t.is(limitOf(t, 1).state.near, 1);
  t.is(limitOf(t, 1e7).state.near, 0);
});
