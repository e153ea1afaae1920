import { resolve } from 'node:path';
import test from 'ava';
import { makeOptimizer, makeSchedule } from '../../../src/train/make-optimizer.js';
import { assertUsed, resolveSettings } from '../../../src/train/resolve-settings.js';
import type { TrainSettings } from '../../../src/train/settings.js';

const needed = { model: 'wrn-16-4', data: 'cifar10:data' };

test('settings are given ones over the recipe over the defaults', (t) => {
  t.like(resolveSettings(needed), { optimizer: 'sgd', lr: 0.1, nesterov: false, clipNorm: null, seed: 0 });
  const recipe = resolveSettings({ ...needed, recipe: 'foret2021', batch: 64, clipNorm: null });
  t.like(recipe, {
    nesterov: true,
    batch: 64,
    clipNorm: null,
    clipDecay: true,
    shortcut: 'pad',
    epochs: 200,
  });
});

test('defaults depend on the optimizer and the data', (t) => {
  t.like(resolveSettings({ ...needed, optimizer: 'adamw' }), { lr: 0.001, weightDecay: 0.01 });
  t.like(resolveSettings({ ...needed, optimizer: 'sam', base: 'adamw' }), { lr: 0.001, rho: 0.05 });
  t.is(resolveSettings(needed).augment, 'flip,crop=4:reflect');
  t.is(resolveSettings({ ...needed, data: 'digits' }).augment, 'none');
});

test('the recipe foret2021 has the radius of the data set, and its ascent decay follows the weight decay', (t) => {
  const sam = { ...needed, recipe: 'foret2021', optimizer: 'sam' } as const;
  t.like(resolveSettings(sam), { rho: 0.05, weightDecay: 5e-4, ascentDecay: 5e-4 });
  t.like(resolveSettings({ ...sam, data: 'cifar100:data' }), { rho: 0.1 });
  t.like(resolveSettings({ ...sam, weightDecay: 1e-3 }), { weightDecay: 1e-3, ascentDecay: 1e-3 });
  t.throws(() => resolveSettings({ ...needed, recipe: 'foret2021', optimizer: 'adamw' }), {
    code: 'INVALID_ARGUMENT',
    message: /foret2021 is one of SGD/,
  });
});

test('settings that the optimizer does not use are absent, and refused when given', (t) => {
  const sgd = resolveSettings(needed);
  for (const name of ['base', 'rho', 'radius', 'ascentSteps', 'adaptive']) t.false(name in sgd, name);
  t.false('momentum' in resolveSettings({ ...needed, optimizer: 'adamw' }));
  t.throws(() => assertUsed({ radius: 'sum' }, ['sgd', 'rand-sam']), { message: /has no "radius"/ });
  t.throws(() => assertUsed({ base: 'adamw', momentum: 0.5 }, ['sam']), { message: /has no "momentum"/ });
  t.notThrows(() => assertUsed({ radius: 'sum' }, ['sgd', 'sam']));
});

test('a bad or unknown setting is named, with what it should be', (t) => {
  const bad = (setting: Record<string, unknown>, message: RegExp) =>
    t.throws(() => resolveSettings({ ...needed, optimizer: 'sam', ...setting } as Partial<TrainSettings>), {
      code: 'INVALID_ARGUMENT',
      message,
    });
  bad({ lr: 0 }, /lr to be a positive number, but received 0/);
  bad({ lr: Number.NaN }, /lr to be a positive number, but received NaN/);
  bad({ momentum: 1 }, /momentum to be a number in \[0, 1\)/);
  bad({ batch: 1.5 }, /batch to be a positive integer/);
  bad({ radius: 'half' }, /radius to be one of split, project, sum, but received "half"/);
  bad({ groups: [{ parameters: 'a', lr: -1 }] }, /groups\.0\.lr to be a number ≥ 0/);
  bad({ learningRate: 1 }, /no setting "learningRate"/);
  t.throws(() => resolveSettings({ data: 'digits' }), { message: /"model" is not given/ });
});

test("on resume the run's own settings stand in for the defaults", (t) => {
  const saved = resolveSettings({ ...needed, optimizer: 'sam', lr: 0.3, rho: 0.2 });
  t.deepEqual(resolveSettings({}, saved), saved);
  t.like(resolveSettings({ lr: 0.4 }, saved), { lr: 0.4, rho: 0.2 });
});

test("the data's folder is absolute, so that a run can be resumed from elsewhere", (t) => {
  t.is(resolveSettings(needed).data, `cifar10:${resolve('data')}`);
  t.is(resolveSettings({ ...needed, model: 'a/b.onnx' }).model, resolve('a/b.onnx'));
});

test('optimizers have the settings', (t) => {
  const describe = (given: Partial<TrainSettings>) => {
    const settings = resolveSettings({ ...needed, ...given });
    return makeOptimizer(settings, settings.lr).describe();
  };
  t.like(describe({ momentum: 0.5, nesterov: true, clipNorm: 2 }), {
    optimizer: 'sgd',
    lr: 0.1,
    momentum: 0.5,
    nesterov: true,
    clipNorm: 2,
  });
  t.like(describe({ optimizer: 'sam', ascentSteps: 3, radius: 'sum', rho: 0.2, adaptive: 0.1 }), {
    optimizer: 'sam',
    steps: 3,
    radius: 'sum',
    rho: 0.2,
    adaptive: { eta: 0.1 },
    base: { optimizer: 'sgd', momentum: 0.9 },
  });
  t.like(describe({ optimizer: 'rand-sam', base: 'adamw' }), {
    optimizer: 'rand-sam',
    rho: 0.05,
    base: { optimizer: 'adamw', weightDecay: 0.01 },
  });
});

test('schedules count epochs in steps', (t) => {
  const at = (given: Partial<TrainSettings>) =>
    makeSchedule(resolveSettings({ ...needed, epochs: 4, lr: 1, ...given }), 10);
  t.is(at({ schedule: 'cosine' })(20), 0.5);
  const step = at({ schedule: 'step', milestones: [1, 2.5], gamma: 0.1 });
  t.deepEqual([step(9), step(10), step(24)], [1, 0.1, 0.1]);
  t.true(Math.abs(step(25) - 0.01) < 1e-15);
  t.is(at({ schedule: 'constant', warmupEpochs: 0.5 })(0), 0.2);
  t.throws(() => at({ schedule: 'cosine', gamma: 0.5 }), { message: /gamma/ });
});
