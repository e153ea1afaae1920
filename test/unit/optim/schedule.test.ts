import { readFileSync } from 'node:fs';
import test from 'ava';
import { FlatminError } from '../../../src/errors.js';
import {
  type CosineOptions,
  constant,
  cosine,
  type OneCycleOptions,
  oneCycle,
  parseSchedule,
  type Schedule,
  stepDecay,
  withLinearWarmup,
} from '../../../src/optim/schedules/learning-rate.js';

interface Recorded<Options> {
  options: Options;
  lr: number[];
}
const fixture: { oneCycle: Recorded<OneCycleOptions>[]; cosine: Recorded<CosineOptions>[] } = JSON.parse(
  readFileSync('test/fixtures/schedules/schedules.json', 'utf8'),
);

const rates = (schedule: Schedule, steps: number) =>
  Array.from({ length: steps }, (_, step) => schedule(step));

/** Largest |found − expected| / max expected. */
function deviation(found: number[], expected: number[]): number {
  const scale = Math.max(...expected);
  return Math.max(...expected.map((value, i) => Math.abs(value - found[i]!) / scale));
}

for (const { options, lr } of fixture.oneCycle) {
  test(`one-cycle equals PyTorch: ${JSON.stringify(options)}`, (t) => {
    t.true(deviation(rates(oneCycle(options), lr.length), lr) < 1e-14);
    t.is(oneCycle(options)(lr.length + 5), oneCycle(options)(lr.length - 1), 'kept after the end');
  });
}

for (const { options, lr } of fixture.cosine) {
  // PyTorch's recursion gathers rounding errors.
  test(`cosine equals PyTorch: ${JSON.stringify(options)}`, (t) => {
    t.true(deviation(rates(cosine(options), lr.length), lr) < 1e-12);
  });
}

test('cosine falls per step to the final rate and stays', (t) => {
  const schedule = cosine({ lr: 0.1, totalSteps: 4 });
  t.is(schedule(0), 0.1);
  t.is(schedule(1), 0.05 * (1 + Math.SQRT1_2));
  t.true(Math.abs(schedule(2) - 0.05) < 1e-16);
  t.is(schedule(4), 0);
  t.is(schedule(9), 0);
  t.is(cosine({ lr: 0.1, totalSteps: 4, finalLr: 0.01 })(5), 0.01);
});

test('cosine spans what follows its warm-up', (t) => {
  const schedule = cosine({ lr: 1, totalSteps: 8, warmupSteps: 4 });
  t.deepEqual(rates(schedule, 5), [0.25, 0.5, 0.75, 1, 1]);
  t.is(schedule(7), cosine({ lr: 1, totalSteps: 4 })(3));
});

test('step decay falls at its milestones', (t) => {
  const schedule = stepDecay({ lr: 1, milestones: [2, 3], gamma: 0.5 });
  t.deepEqual(rates(schedule, 5), [1, 1, 0.5, 0.25, 0.25]);
});

test('linear warm-up scales a schedule without shifting it', (t) => {
  const schedule = withLinearWarmup(stepDecay({ lr: 1, milestones: [1], gamma: 0.5 }), 4);
  t.deepEqual(rates(schedule, 5), [0.25, 0.25, 0.375, 0.5, 0.5]);
  t.deepEqual(rates(withLinearWarmup(constant(2), 0), 2), [2, 2]);
});

test('parseSchedule builds what its name says', (t) => {
  const lr = 0.1;
  const same = (a: Schedule, b: Schedule) => t.deepEqual(rates(a, 25), rates(b, 25));
  same(parseSchedule('constant', { lr, totalSteps: 20 }), constant(lr));
  same(
    parseSchedule('cosine', { lr, totalSteps: 20, warmupSteps: 3, finalLr: 0.01 }),
    cosine({ lr, totalSteps: 20, warmupSteps: 3, finalLr: 0.01 }),
  );
  same(
    parseSchedule('step', { lr, totalSteps: 20, gamma: undefined }),
    stepDecay({ lr, milestones: [6, 12, 16] }),
  );
  same(
    parseSchedule('step', { lr, totalSteps: 20, milestones: [9], gamma: 0.1, warmupSteps: 2 }),
    withLinearWarmup(stepDecay({ lr, milestones: [9], gamma: 0.1 }), 2),
  );
  same(
    parseSchedule('one-cycle', { lr, totalSteps: 20, warmFraction: 0.5 }),
    oneCycle({ maxLr: lr, totalSteps: 20, warmFraction: 0.5 }),
  );
});

const refused: [() => unknown, RegExp][] = [
  [() => parseSchedule('linear' as 'step', { lr: 1, totalSteps: 5 }), /schedule to be one of .*"linear"/],
  [
    () => parseSchedule('cosine', { lr: 1, totalSteps: 5, gamma: 0.1 }),
    /gamma to be left out with schedule "cosine"/,
  ],
  [() => parseSchedule('one-cycle', { lr: 1, totalSteps: 5, warmupSteps: 1 }), /warmupSteps to be left out/],
  [() => parseSchedule('constant', { lr: -1, totalSteps: 5 }), /lr to be a positive number, but received -1/],
  [() => parseSchedule('constant', { lr: 1, totalSteps: 0 }), /totalSteps to be a positive integer/],
  [
    () => parseSchedule('constant', { lr: 1, totalSteps: 5, warmupSteps: 5 }),
    /warmupSteps to be less than totalSteps/,
  ],
  [() => cosine({ lr: Number.NaN, totalSteps: 5 }), /lr to be a positive/],
  [() => cosine({ lr: 1, totalSteps: 5, finalLr: -1 }), /finalLr/],
  [() => stepDecay({ lr: 1, milestones: [3, 3] }), /milestones to be in ascending order/],
  [
    () => stepDecay({ lr: 1, milestones: [1.5] }),
    /milestones\.0 to be a positive integer, but received 1\.5/,
  ],
  [() => oneCycle({ maxLr: 1, totalSteps: 5, warmFraction: 1 }), /warmFraction/],
];

refused.forEach(([make, message], i) => {
  test(`refuses bad options ${i}: ${message.source}`, (t) => {
    t.throws(make, { instanceOf: FlatminError, code: 'INVALID_ARGUMENT', message });
  });
});
