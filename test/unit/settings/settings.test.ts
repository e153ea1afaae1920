import { resolve } from 'node:path';
import test from 'ava';
import { WeightAveraging } from '../../../src/optim/averaging.js';
import { makeOptimizer, makeRunOptimizer, makeSchedule } from '../../../src/settings/make-optimizer.js';
import { assertUsed, resolveSettings, usedBy } from '../../../src/settings/resolve.js';
import type { TrainSettings } from '../../../src/settings/schema.js';

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

test("the family's optimizers have the settings, and their papers' values by default", (t) => {
  const describe = (given: Partial<TrainSettings>) => {
    const settings = resolveSettings({ ...needed, ...given });
    return makeOptimizer(settings, settings.lr).describe();
  };
  t.like(describe({ optimizer: 'asam' }), { optimizer: 'asam', rho: 0.5, adaptive: { eta: 0.01 }, steps: 1 });
  t.like(describe({ optimizer: 'asam', adaptive: 0.1, rho: 1, ascentSteps: 2 }), {
    rho: 1,
    adaptive: { eta: 0.1 },
    steps: 2,
  });
  t.throws(() => describe({ optimizer: 'asam', adaptive: false }), { message: /adaptive.*asam/ });
  t.like(describe({ optimizer: 'asam', normalize: 'weights' }), {
    adaptive: { eta: 0.01, normalize: 'weights' },
  });
  t.like(describe({ optimizer: 'gsam' }), { optimizer: 'gsam', alpha: 0.4, rho: 0.05, every: 1 });
  t.like(describe({ optimizer: 'looksam' }), { optimizer: 'looksam', alpha: 0.7, every: 5 });
  t.like(describe({ optimizer: 'looksam', alpha: 0.2, every: 3 }), { alpha: 0.2, every: 3 });
  t.like(describe({ optimizer: 'esam', fraction: 0.5 }), { optimizer: 'esam', fraction: 0.5 });
  t.like(describe({ optimizer: 'friendly-sam', sigma: 0.5, base: 'adamw', ascentDecay: 0.1 }), {
    optimizer: 'friendly-sam',
    sigma: 0.5,
    gradientDecay: 0.9,
    ascentDecay: 0.1,
    base: { optimizer: 'adamw' },
  });
  t.like(describe({ optimizer: 'sam', every: 4 }), { optimizer: 'sam', every: 4 });
});

test('the recipe foret2021 leaves the radius of asam alone', (t) => {
  const given = { ...needed, recipe: 'foret2021', optimizer: 'asam' } as const;
  t.like(resolveSettings(given), { rho: 0.5, adaptive: 0.01, clipNorm: 5, ascentDecay: 5e-4 });
});

test('settings that do nothing without another one are absent, and refused when given', (t) => {
  const sam = resolveSettings({ ...needed, optimizer: 'sam' });
  for (const name of ['rhoFinal', 'perturbation', 'swaEvery', 'swaLr', 'alpha', 'fraction', 'sigma'])
    t.false(name in sam, name);
  t.like(resolveSettings({ ...needed, optimizer: 'sam', accumulate: 2, rhoSchedule: 'linear' }), {
    perturbation: 'per-batch',
    rhoFinal: 0,
  });
  const refused = (given: Partial<TrainSettings>, message: RegExp) =>
    t.throws(() => assertUsed(given, ['sam']), { code: 'INVALID_ARGUMENT', message });
  refused({ rhoFinal: 0.1 }, /"rhoFinal" does nothing without a rhoSchedule other than constant/);
  refused({ perturbation: 'synchronised' }, /"perturbation" does nothing without accumulate > 1/);
  refused({ swaLr: 0.1 }, /"swaLr" does nothing without swaStart/);
  refused({ alpha: 0.1 }, /sam has no "alpha"/);
  t.throws(() => assertUsed({ rhoSchedule: 'linear' }, ['sgd']), { message: /sgd has no "rhoSchedule"/ });
  t.notThrows(() =>
    assertUsed({ swaStart: 1, swaLr: 0.1, accumulate: 2, perturbation: 'per-batch' }, ['sam']),
  );
});

test('what is normalised is kept where the form is adaptive, by default or as given', (t) => {
  const normalize = 'weights' as const;
  t.false('normalize' in resolveSettings({ ...needed, optimizer: 'sam' }));
  t.is(resolveSettings({ ...needed, optimizer: 'asam' }).normalize, 'all');
  t.like(usedBy('asam', { normalize }), { normalize });
  t.like(usedBy('rand-sam', { normalize, adaptive: 0.01 }), { normalize });
  t.false('normalize' in usedBy('sam', { normalize }));
  t.notThrows(() => assertUsed({ normalize }, ['sgd', 'asam']));
  t.notThrows(() => assertUsed({ normalize }, ['sam'], { adaptive: 0.01 }));
  t.throws(() => assertUsed({ normalize }, ['sam']), {
    message: /"normalize" does nothing without adaptive/,
  });
  const { normalize: _, ...saved } = resolveSettings({ ...needed, optimizer: 'asam' });
  t.deepEqual(resolveSettings({}, saved), saved, 'runs of before do not name it');
});

test('a run has its schedules and its average', (t) => {
  const make = (given: Partial<TrainSettings>) =>
    makeRunOptimizer(resolveSettings({ ...needed, optimizer: 'sam', epochs: 4, lr: 1, ...given }), 10, {
      value: 1,
    });
  const schedules = (given: Partial<TrainSettings>) => {
    const { rho, base } = make(given).describe() as {
      rho: (step: number) => number;
      base: { lr: (step: number) => number };
    };
    return { rho, lr: base.lr };
  };
  t.is(make({}).describe().rho, 0.05);
  t.is(schedules({ rhoSchedule: 'linear', rho: 0.4, rhoFinal: 0.2 }).rho(20), 0.4 + 0.5 * (0.2 - 0.4));
  const tied = schedules({ rhoSchedule: 'lr', rho: 0.4, warmupEpochs: 1 });
  for (const step of [0, 5, 15, 39])
    t.true(Math.abs(tied.rho(step) - 0.4 * tied.lr(step)) < 1e-15, `${step}`);
  const { lr } = schedules({ swaStart: 2, swaLr: 0.3 });
  t.deepEqual([lr(0), lr(19) < 0.6, lr(20), lr(39)], [1, true, 0.3, 0.3]);
  t.like(make({ swaStart: 2 }).describe(), { averaging: { name: 'swa', start: 20, every: 10 } });
  t.like(make({ ema: 0.99 }).describe(), { averaging: { name: 'ema', decay: 0.99 } });
  t.true(make({ ema: 0.99 }) instanceof WeightAveraging);
  t.throws(() => make({ ema: 0.99, swaStart: 2 }), { message: /ema.*swaStart/ });
  t.throws(() => make({ swaStart: 4 }), { message: /swaStart.*last epoch \(4\)/ });
});

test('schedules count epochs in steps', (t) => {
  const at = (given: Partial<TrainSettings>) =>
    makeSchedule(resolveSettings({ ...needed, epochs: 4, lr: 1, ...given }), 10, { value: 1 });
  t.is(at({ schedule: 'cosine' })(20), 0.5);
  const step = at({ schedule: 'step', milestones: [1, 2.5], gamma: 0.1 });
  t.deepEqual([step(9), step(10), step(24)], [1, 0.1, 0.1]);
  t.true(Math.abs(step(25) - 0.01) < 1e-15);
  t.is(at({ schedule: 'constant', warmupEpochs: 0.5 })(0), 0.2);
  const averaged = at({ swaStart: 2, swaLr: 0.3 });
  t.deepEqual([averaged(0), averaged(19) < 0.6, averaged(20), averaged(39)], [1, true, 0.3, 0.3]);
  t.throws(() => at({ schedule: 'cosine', gamma: 0.5 }), { message: /gamma/ });
});
