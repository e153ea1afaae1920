import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { loadDigits } from '../../../src/data/index.js';
import type { Measure } from '../../../src/experiment/measure-job.js';
import { type ExperimentOptions, runExperiment } from '../../../src/experiment/run-experiment.js';
import type { ExperimentFile } from '../../../src/experiment/schema.js';
import { trainingJobs } from '../../../src/experiment/training-job.js';
import { readSummary } from '../../../src/run/summary.js';
import { abortedAfter } from '../../aborted-after.js';
import { temporaryFolder } from '../../e2e/run-cli.js';

const experiment: ExperimentFile = {
  name: 'short',
  title: 'Short',
  settings: { model: 'mlp-8', batch: 32, trainSamples: 96, testSamples: 40 },
  sharpness: { rho: 0.05, measures: ['ascent'] },
  variants: [
    { name: 'sgd', settings: {} },
    { name: 'sam', settings: { optimizer: 'sam' } },
  ],
  columns: [
    { metric: 'accuracy', label: 'accuracy' },
    { metric: 'sharpness.ascent', label: 'sharpness' },
  ],
  scales: { tiny: { data: ['digits'], seeds: [0, 1], settings: { epochs: 2 } } },
};

/** Counts what it is asked for. */
function fakeMeasure(fails: (count: number) => boolean = () => false) {
  const measured: string[] = [];
  const measure: Measure = async ({ dir }, { rho }) => {
    measured.push(dir);
    if (fails(measured.length)) throw new Error('no memory');
    return { values: { ascent: Number(dir.at(-1)) + rho! }, report: { dirs: 1 } };
  };
  return { measured, measure };
}

async function run(out: string, measure: Measure, options: Partial<ExperimentOptions> = {}) {
  const datasets = new Map([['digits', await loadDigits()]]);
  const runJob = trainingJobs({ threads: 1, workers: 0 }, measure, datasets);
  return runExperiment(experiment, { out, runJob, ...options });
}

test('a job trains with its settings, then measures', async (t) => {
  const out = temporaryFolder(t);
  const { measured, measure } = fakeMeasure();
  const { results } = await run(out, measure);
  t.is(measured.length, 4);
  const dir = join(out, 'jobs', 'digits-sam-seed1');
  const summary = (await readSummary(join(dir, 'summary.json')))!;
  t.like(summary, { seed: 1, steps: 6, optimizer: { optimizer: 'sam' } });
  const { metrics } = results!.jobs.find(({ id }) => id === 'digits-sam-seed1')!;
  t.like(metrics, { accuracy: summary.accuracy, testLoss: summary.testLoss, 'sharpness.ascent': 1.05 });
  t.like(JSON.parse(readFileSync(join(dir, 'job.json'), 'utf8')), {
    sharpness: { dirs: 1 },
    sharpnessOptions: { rho: 0.05, measures: ['ascent'] },
  });
  t.is(results!.table[0]!.cells[1]!.measured!.mean, 0.55);
});

test('a measurement that fails is tried again without training again', async (t) => {
  const out = temporaryFolder(t);
  const { measured, measure } = fakeMeasure((count) => count === 1);
  const { results } = await run(out, measure);
  t.is(measured.length, 5);
  t.truthy(results);
});

test('stopped at any point, the table stays the same', async (t) => {
  const dir = temporaryFolder(t);
  const { measure } = fakeMeasure();
  const whole = join(dir, 'whole');
  await run(whole, measure);
  for (const looks of [7, 8, 11]) {
    const out = join(dir, `pieces-${looks}`);
    let stops = 0;
    for (; ; stops++) {
      try {
        await run(out, measure, { signal: abortedAfter(looks) });
        break;
      } catch (error) {
        if ((error as { code?: string }).code !== 'INTERRUPTED' || stops > 40) throw error;
      }
    }
    t.true(stops >= 4, `${stops} stops`);
    for (const file of ['results.json', 'results.csv', 'table.md'])
      t.is(readFileSync(join(out, file), 'utf8'), readFileSync(join(whole, file), 'utf8'), file);
  }
});
