import { join } from 'node:path';
import test from 'ava';
import { measureJob, valuesOf } from '../../../src/experiment/measure-job.js';
import { train } from '../../../src/run/train.js';
import type { SharpnessReport } from '../../../src/sharpness/measure.js';
import { temporaryFolder } from '../../e2e/run-cli.js';

test('values by measure, errors and eigenvalues beside them', (t) => {
  const cost = { gradients: 1, losses: 1, seconds: 1 };
  const measures = {
    ascent: { value: 0.25, cost },
    average: { value: 0.125, standardError: 0.5, draws: 20, cost },
    eigenvalues: { values: [3, 2], residuals: [0, 0], steps: 5, differenceStep: 1, differenceError: 0, cost },
  } as SharpnessReport['measures'];
  t.deepEqual(valuesOf(measures), {
    ascent: 0.25,
    average: 0.125,
    'average.standardError': 0.5,
    'eigenvalues.1': 3,
    'eigenvalues.2': 2,
  });
});

test('a run is measured on the images it was trained with, and can be interrupted', async (t) => {
  const dir = join(temporaryFolder(t), 'run');
  const settings = { model: 'mlp-8', data: 'digits', batch: 32, trainSamples: 96, testSamples: 0, epochs: 1 };
  const summary = await train(settings, { out: dir, threads: 1, workers: 0 });
  const options = { rho: 0.05, measures: ['ascent', 'average'] as const };
  const run = { dir, threads: 1, signal: undefined };
  const { values, report } = await measureJob(run, options);
  t.true(values.ascent! > values.average!);
  t.true(Math.abs((report as SharpnessReport).loss - summary.trainLoss) < 1e-6 * summary.trainLoss);
  t.is((report as SharpnessReport).samples, 96);
  t.deepEqual((await measureJob(run, options)).values, values);
  const aborted = measureJob({ ...run, signal: AbortSignal.abort() }, options);
  await t.throwsAsync(aborted, { code: 'INTERRUPTED' });
});
