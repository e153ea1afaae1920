import test from 'ava';
import { Pace } from '../../../src/experiment/pace.js';
import { type Job, planExperiment, shardOf } from '../../../src/experiment/plan.js';
import { checkExperiment, type ExperimentFile } from '../../../src/experiment/schema.js';
import { experiment } from './documents.js';

const plan = (changes: Partial<ExperimentFile> = {}, options = {}) =>
  planExperiment(checkExperiment({ ...experiment, ...changes }), options);

test('jobs are variants × data sets × seeds, seed by seed, each with its optimizer’s settings', (t) => {
  const { jobs } = plan();
  t.deepEqual(
    jobs.map(({ id }) => id),
    ['digits-sgd-seed0', 'digits-sam-seed0', 'digits-sgd-seed1', 'digits-sam-seed1'],
  );
  const shared = { model: 'wrn-10-1', batch: 32, epochs: 1, data: 'digits' };
  t.deepEqual(jobs[0]!.settings, { ...shared, optimizer: 'sgd', seed: 0 });
  t.deepEqual(jobs[3]!.settings, { ...shared, optimizer: 'sam', rho: 0.2, seed: 1 });
});

test('seeds and folders of data may be given', (t) => {
  const scales = { big: { data: ['cifar10', 'digits'], seeds: [0] } };
  const { jobs } = plan({ scales }, { seeds: [7, 3], data: { cifar10: '/data' } });
  t.deepEqual(
    jobs.map(({ id }) => id),
    ['cifar10-sgd', 'cifar10-sam', 'digits-sgd', 'digits-sam']
      .flatMap((name) => `${name}-seed7`)
      .concat(['cifar10-sgd', 'cifar10-sam', 'digits-sgd', 'digits-sam'].map((name) => `${name}-seed3`)),
  );
  t.is(jobs[0]!.settings.data, 'cifar10:/data');
  t.throws(() => plan({ scales }), { message: /needs cifar10.*--data cifar10=DIR/ });
  t.throws(() => plan({ scales }, { data: { cifar10: '/data', cifar1O: '/data' } }), {
    message: /"cifar1O"/,
  });
  t.throws(() => plan({}, { seeds: [1, 1] }), { message: /seeds .*different integers.*\[1, 1\]/ });
  t.throws(() => plan({}, { seeds: [1.5] }), { message: /seeds/ });
  t.throws(() => plan({}, { scale: 'huge' }), { message: /scale .*one of tiny.*"huge"/ });
});

test('a scale may replace variants, settings and options of the measurement', (t) => {
  const { jobs } = plan({
    sharpness: { rho: 0.05, measures: ['ascent'] },
    scales: {
      tiny: {
        data: ['digits'],
        seeds: [0],
        settings: { batch: 64 },
        sharpness: { samples: 10 },
        variants: [{ name: 'adamw', settings: { optimizer: 'adamw' } }],
      },
    },
  });
  t.deepEqual(jobs[0]!.sharpness, { rho: 0.05, measures: ['ascent'], samples: 10 });
  t.like(jobs[0]!.settings, { optimizer: 'adamw', batch: 64 });
});

const badSettings: [Record<string, unknown>, RegExp][] = [
  [{ optimizer: 'sgd', rho: 0.1 }, /variant "v".*sgd has no "rho"/],
  [{ optimizer: 'sgd', lr: -1 }, /variant "v".*lr to be a positive number.*-1/],
  [{ optimizer: 'lion' }, /variant "v".*optimizer.*"lion"/],
  [{ learningRate: 1 }, /variant "v".*no setting "learningRate"/],
  [{ seed: 1 }, /variant "v".*"seed" is not a setting of an experiment/],
];

for (const [settings, message] of badSettings) {
  test(`bad settings of a variant are named: ${JSON.stringify(settings)}`, (t) => {
    t.throws(() => plan({ variants: [{ name: 'v', settings }] }), { code: 'INVALID_ARGUMENT', message });
  });
}

const badSharpness: [Record<string, unknown>, RegExp][] = [
  [{ rho: 0.05, measures: ['ascend'] }, /"sharpness": .*measures.*ascent.*"ascend"/],
  [{ rho: 0, measures: ['ascent'] }, /"sharpness": .*rho .*positive.*0/],
  [{ rho: 0.05, measures: ['ascent'], sample: 5 }, /no key "sample" in "sharpness".*samples/],
  [{ rho: 0.05, measures: ['ascent'], samples: 0 }, /samples .*positive integer.*0/],
  [{ rho: 0.05, measures: ['ascent'], batchNorm: 'train' }, /batchNorm .*one of running, batch.*"train"/],
];

for (const [sharpness, message] of badSharpness) {
  test(`bad options of the measurement are named: ${JSON.stringify(sharpness)}`, (t) => {
    t.throws(() => plan({ sharpness }), { code: 'INVALID_ARGUMENT', message });
  });
}

test('shards are disjoint, complete and the same each time', (t) => {
  const jobs = Array.from({ length: 11 }, (_, index) => index);
  for (const count of [1, 2, 3, 11, 12]) {
    const parts = Array.from({ length: count }, (_, index) => shardOf(jobs, { index: index + 1, count }));
    t.deepEqual(
      parts.flat().sort((a, b) => a - b),
      jobs,
    );
    t.true(
      Math.max(...parts.map(({ length }) => length)) - Math.min(...parts.map(({ length }) => length)) <= 1,
    );
  }
  for (const [shard, message] of [
    [{ index: 0, count: 2 }, /shard\.index to be a positive integer, but received 0/],
    [{ index: 3, count: 2 }, /shard to be i\/n with 1 ≤ i ≤ n, but received "3\/2"/],
    [{ index: 1, count: 0 }, /shard\.count to be a positive integer, but received 0/],
  ] as const)
    t.throws(() => shardOf(jobs, shard), { message });
});

test('the time left counts gradients, and only work of this process', (t) => {
  const jobs = [1, 2, 3, 6].map((cost) => ({ cost }) as Job);
  let now = 0;
  const pace = new Pace(jobs, () => now);
  t.is(pace.secondsLeft(), undefined);
  pace.skip(jobs[0]!);
  now = 4000;
  pace.done(jobs[1]!);
  t.is(pace.secondsLeft(), 18);
});

test('SAM’s gradients are counted', (t) => {
  const variants = [1, 3].map((ascentSteps) => ({
    name: `${ascentSteps}`,
    settings: { optimizer: 'sam', ascentSteps },
  }));
  t.deepEqual(
    plan({ variants: [...variants, { name: 'sgd', settings: {} }] })
      .jobs.slice(0, 3)
      .map(({ cost }) => cost),
    [2, 4, 1],
  );
});

test('a model that is no text, and measures that are none, are refused by name', (t) => {
  const planned = (changes: object) => () => plan(changes as Partial<ExperimentFile>);
  t.throws(planned({ settings: { model: 5 } }), { code: 'INVALID_ARGUMENT', message: /model/ });
  t.throws(planned({ sharpness: { measures: [{}] } }), { code: 'INVALID_ARGUMENT', message: /measures/ });
});
