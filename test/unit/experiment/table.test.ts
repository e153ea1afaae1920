import test from 'ava';
import { type PlanOptions, planExperiment } from '../../../src/experiment/plan.js';
import { statisticsOf, tabulate } from '../../../src/experiment/results.js';
import { checkExperiment, type ExperimentFile } from '../../../src/experiment/schema.js';
import { formatStatistics, jobsCsv, markdownTable, textTable } from '../../../src/experiment/table.js';
import type { JobResult } from '../../../src/formats/run/job.js';
import { experiment, outcomeOf } from './documents.js';

function resultsOf(document: ExperimentFile, options: PlanOptions = {}, metrics: JobResult['metrics'] = {}) {
  const plan = planExperiment(checkExperiment(document), options);
  const jobs = plan.jobs.map(
    (job): JobResult => ({
      ...job,
      seconds: {},
      sharpnessOptions: null,
      metrics: { ...outcomeOf(job).metrics, ...metrics },
    }),
  );
  return tabulate(plan, jobs);
}

test('mean and sample standard deviation', (t) => {
  t.deepEqual(statisticsOf([2, 4, 4, 4, 5, 5, 7, 9]), { mean: 5, std: Math.sqrt(32 / 7), n: 8 });
  t.deepEqual(statisticsOf([3]), { mean: 3, std: null, n: 1 });
  t.deepEqual(statisticsOf([-1, 1]), { mean: 0, std: Math.SQRT2, n: 2 });
});

test('figures are rounded to the column’s places', (t) => {
  t.is(formatStatistics({ mean: 97.312, std: 0.086, n: 3 }, 2), '97.31 ± 0.09');
  t.is(formatStatistics({ mean: 97.312, std: null, n: 1 }, 1), '97.3');
  t.is(formatStatistics({ mean: -0.5, std: 0, n: 2 }, 0), '-1 ± 0');
});

test('a table has the paper’s figure beside the measured one', (t) => {
  const table = textTable(resultsOf(experiment));
  t.deepEqual(table.head, ['optimizer', 'accuracy %', 'paper']);
  t.deepEqual(table.rows, [
    ['sgd', '80.50 ± 0.71', '–'],
    ['SAM', '90.50 ± 0.71', '97.3 ± <0.1'],
  ]);
  t.deepEqual(table.notes, [
    'Mean ± sample standard deviation (ddof = 1) over 2 seeds: 0, 1.',
    'Scale tiny, digits.',
    'paper: a paper. Beside digits stand its figures of cifar10.',
  ]);
});

test('the paper’s figures keep their places', (t) => {
  const formatted = (mean: number, std?: number | string) => {
    const paper = { digits: { accuracy: { mean, ...(std !== undefined && { std }) } } };
    const variants = [{ name: 'v', settings: {}, paper }];
    const scales = { tiny: { data: ['digits'], seeds: [0] } };
    return textTable(resultsOf({ ...experiment, variants, scales })).rows[0]![2];
  };
  t.is(formatted(8.1, 3), '8.1 ± 3.0');
  t.is(formatted(97, 0.25), '97.00 ± 0.25');
  t.is(formatted(97.3, '<0.1'), '97.3 ± <0.1');
  t.is(formatted(97.3), '97.3');
});

test('one seed has no deviation; without figures there is no column for them', (t) => {
  const scales = { tiny: { data: ['digits'], seeds: [4], about: 'small.' } };
  const table = textTable(resultsOf({ ...experiment, scales }));
  t.deepEqual(table.head, ['optimizer', 'accuracy %']);
  t.deepEqual(table.rows[0], ['sgd', '84.00']);
  t.deepEqual(table.notes, ['One seed (4): no standard deviation.', 'Scale tiny, digits: small.']);
});

test('of several data sets each has its rows', (t) => {
  const scales = { tiny: { data: ['digits', 'cifar10'], seeds: [0, 1] } };
  const table = textTable(resultsOf({ ...experiment, scales }, { data: { cifar10: '/data' } }));
  t.deepEqual(table.head, ['data', 'optimizer', 'accuracy %', 'paper']);
  t.deepEqual(
    table.rows.map((row) => [row[0], row[1], row[3]]),
    [
      ['digits', 'sgd', '–'],
      ['digits', 'SAM', '–'],
      ['cifar10', 'sgd', '–'],
      ['cifar10', 'SAM', '97.3 ± <0.1'],
    ],
  );
});

test('transposed, variants are columns', (t) => {
  const scales = { tiny: { data: ['digits', 'cifar10'], seeds: [0] } };
  const options = { data: { cifar10: '/data' } };
  const table = textTable(resultsOf({ ...experiment, scales, transposed: true }, options));
  t.deepEqual(table.head, ['data optimizer', 'digits sgd', 'digits SAM', 'cifar10 sgd', 'cifar10 SAM']);
  t.deepEqual(table.rows, [
    ['accuracy %', '80.00', '90.00', '80.00', '90.00'],
    ['paper', '–', '–', '–', '97.3 ± <0.1'],
  ]);
  t.is(table.labels, 1);
});

test('a value that a job lacks is not averaged away', (t) => {
  const { table } = resultsOf(experiment, {}, { accuracy: null });
  t.is(table[0]!.cells[0]!.measured, null);
  t.is(textTable(resultsOf(experiment, {}, { accuracy: null })).rows[0]![1], '–');
});

test('markdown', (t) => {
  const text = markdownTable('T', { head: ['a|b', 'c'], labels: 1, rows: [['x', '1']], notes: ['n'] });
  t.is(text, '## T\n\n| a\\|b | c |\n| --- | ---: |\n| x | 1 |\n\n- n\n');
});

test('a line a job, unrounded, and times only where a column asks for them', (t) => {
  const lines = jobsCsv(resultsOf(experiment)).split('\n');
  t.deepEqual(lines.slice(0, 3), ['data,variant,seed,accuracy', 'digits,sgd,0,0.8', 'digits,sam,0,0.9']);
  t.is(lines.length, 6);
  const columns = [...experiment.columns, { metric: 'secondsPerStep', label: 's/step' }];
  t.regex(jobsCsv(resultsOf({ ...experiment, columns })), /^data,variant,seed,accuracy,secondsPerStep\n/);
});
