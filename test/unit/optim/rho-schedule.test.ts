import test from 'ava';
import { at } from '../../../src/optim/optimizer.js';
import { cosine } from '../../../src/optim/schedules/learning-rate.js';
import {
  type RhoScheduleName,
  type RhoScheduleOptions,
  rhoSchedule,
} from '../../../src/optim/schedules/radius.js';

const options = { rho: 0.5, final: 0.1, totalSteps: 4 };
const radii = (name: RhoScheduleName, given: RhoScheduleOptions = options) =>
  [0, 1, 2, 3, 4, 9].map((step) => at(rhoSchedule(name, given), step));
const near = (found: number[], expected: number[]) =>
  found.every((value, i) => Math.abs(value - expected[i]!) < 1e-12);

test('radii go from the first to the final one and stay', (t) => {
  t.true(near(radii('constant'), Array(6).fill(0.5)));
  t.true(near(radii('linear'), [0.5, 0.4, 0.3, 0.2, 0.1, 0.1]));
  t.true(near(radii('cosine'), [0.5, 0.3 + 0.2 * Math.SQRT1_2, 0.3, 0.3 - 0.2 * Math.SQRT1_2, 0.1, 0.1]));
  t.true(near(radii('linear', { rho: 0.4, totalSteps: 4 }), [0.4, 0.3, 0.2, 0.1, 0, 0]), 'to 0 by default');
  t.true(near(radii('linear', { rho: 0, final: 0.4, totalSteps: 4 }), [0, 0.1, 0.2, 0.3, 0.4, 0.4]), 'or up');
});

test('a radius tied to the learning rate is in proportion to it', (t) => {
  const schedule = cosine({ lr: 2, totalSteps: 4 });
  const found = radii('lr', { ...options, lr: { schedule, highest: 2 } });
  t.true(
    near(
      found,
      [0, 1, 2, 3, 4, 9].map((step) => 0.1 + 0.4 * (schedule(step) / 2)),
    ),
  );
});

test('a bad value is named', (t) => {
  const bad = (name: string, change: Partial<RhoScheduleOptions>, message: RegExp) =>
    t.throws(() => rhoSchedule(name as RhoScheduleName, { ...options, ...change }), {
      code: 'INVALID_ARGUMENT',
      message,
    });
  bad('cubic', {}, /rhoSchedule to be one of constant, linear, cosine, lr, but received "cubic"/);
  bad('linear', { rho: -1 }, /rho to be/);
  bad('linear', { final: Number.NaN }, /final to be/);
  bad('linear', { totalSteps: 0 }, /totalSteps to be/);
  bad('lr', {}, /lr to be given/);
});
