import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import test from 'ava';
import { FlatminError } from '../../../src/errors.js';
import { HeldJob } from '../../../src/experiment/job-folder.js';
import type { Job } from '../../../src/experiment/plan.js';
import { type ExperimentOptions, runExperiment } from '../../../src/experiment/run-experiment.js';
import type { JobEvent } from '../../../src/experiment/run-jobs.js';
import { temporaryFolder } from '../../e2e/run-cli.js';
import { Child } from '../run/child.js';
import { experiment, outcomeOf } from './documents.js';

/** Runs with jobs that take no time; tells which were run, in order. */
async function run(out: string, options: Partial<ExperimentOptions> & { document?: typeof experiment } = {}) {
  const ran: string[] = [];
  const { document = experiment, runJob = async (job) => outcomeOf(job), ...others } = options;
  const report = await runExperiment(document, {
    out,
    ...others,
    runJob: (job, context) => {
      ran.push(job.id);
      return runJob(job, context);
    },
  });
  return { ...report, ran };
}

const ALL = ['digits-sgd-seed0', 'digits-sam-seed0', 'digits-sgd-seed1', 'digits-sam-seed1'];
const files = (out: string) =>
  ['results.json', 'results.csv', 'table.md'].map((name) => readFileSync(join(out, name), 'utf8'));

test('all jobs are done once, and tabulated', async (t) => {
  const out = temporaryFolder(t);
  const first = await run(out);
  t.deepEqual(first.ran, ALL);
  t.deepEqual(first.missing, []);
  t.is(first.results?.table[1]?.cells[0]?.measured?.n, 2);
  const before = files(out);
  t.deepEqual((await run(out)).ran, []);
  t.deepEqual(files(out), before);
  const another = temporaryFolder(t);
  await run(another);
  t.deepEqual(files(another), before, 'nothing that differs between runs is in the files');
});

test('experiment.json does the same again', async (t) => {
  const out = temporaryFolder(t);
  await run(out, { seeds: [3] });
  const again = await runExperiment(join(out, 'experiment.json'), { out, runJob: () => t.fail() as never });
  t.deepEqual(again.results?.seeds, [3]);
});

test('seeds and variants may be added', async (t) => {
  const out = temporaryFolder(t);
  await run(out, { seeds: [0] });
  t.deepEqual((await run(out, { seeds: [0, 2] })).ran, ['digits-sgd-seed2', 'digits-sam-seed2']);
  const variants = [...experiment.variants!, { name: 'adamw', settings: { optimizer: 'adamw' } }];
  t.deepEqual((await run(out, { seeds: [0], document: { ...experiment, variants } })).ran, [
    'digits-adamw-seed0',
  ]);
});

test('other options of the measurement make a job undone', async (t) => {
  const out = temporaryFolder(t);
  const document = { ...experiment, sharpness: { rho: 0.05, measures: ['ascent'] } };
  await run(out, { document });
  t.deepEqual((await run(out, { document })).ran, []);
  const other = { ...document, sharpness: { rho: 0.1, measures: ['ascent'] } };
  t.is((await run(out, { document: other })).ran.length, 4);
});

test('a result of another form is refused by its file and field', async (t) => {
  const out = temporaryFolder(t);
  await run(out);
  const path = join(out, 'jobs', ALL[0]!, 'job.json');
  const result = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(path, JSON.stringify({ ...result, metrics: { accuracy: 'high' } }));
  await t.throwsAsync(run(out), {
    code: 'INVALID_DATA',
    message: /job\.json: expected "metrics.accuracy" to be a number or null, but found "high"\. Delete it/,
  });
});

test('a folder with a job of other settings is refused before anything is written', async (t) => {
  const out = temporaryFolder(t);
  const dir = join(out, 'jobs', ALL[1]!);
  await mkdir(dir, { recursive: true });
  writeFileSync(join(dir, 'config.json'), JSON.stringify({ rho: 0.3, execution: {} }));
  const message = /digits-sam-seed0 is a job of other settings.*\n(.*\n)*.*rho: was 0\.3, is 0\.2/;
  await t.throwsAsync(run(out), { code: 'INVALID_ARGUMENT', message });
  t.false(existsSync(join(out, 'experiment.json')));
});

test('a job that fails is tried again after the others, the rest goes on, and the failure is told', async (t) => {
  const out = temporaryFolder(t);
  const events: JobEvent[] = [];
  const runJob = async (job: Job) => {
    if (job.id === ALL[1]) throw new Error('out of memory');
    return outcomeOf(job);
  };
  const { ran, missing, results } = await run(out, {
    runJob,
    tries: 3,
    onEvent: (event) => events.push(event),
  });
  t.deepEqual(ran, [...ALL, ALL[1]!, ALL[1]!]);
  t.is(results, undefined);
  t.deepEqual(missing, [{ id: ALL[1]!, reason: 'failed', message: 'out of memory' }]);
  t.deepEqual(
    events.flatMap((event) => (event.kind === 'failed' ? [event.again] : [])),
    [true, true, false],
  );
  t.false(existsSync(join(out, 'results.json')));
  t.like(JSON.parse(readFileSync(join(out, 'jobs', ALL[1]!, 'failure.json'), 'utf8')), {
    message: 'out of memory',
  });

  const mended = await run(out);
  t.deepEqual(mended.ran, [ALL[1]]);
  t.deepEqual(mended.missing, []);
  t.false(existsSync(join(out, 'jobs', ALL[1]!, 'failure.json')));
});

test('a failure that would come again is not tried again', async (t) => {
  const runJob = async () => {
    throw new FlatminError('NOT_FINITE', 'The loss is NaN.');
  };
  const { ran, missing } = await run(temporaryFolder(t), { runJob, tries: 5 });
  t.deepEqual(ran, ALL);
  t.true(missing.every(({ reason, message }) => reason === 'failed' && message === 'The loss is NaN.'));
});

test('a job that another holds is left to it, and done once that has let go', async (t) => {
  const out = temporaryFolder(t);
  const held = HeldJob.take(out, { id: ALL[0] } as Job)!;
  t.deepEqual((await run(out, { seeds: [1] })).missing, []);
  const left = await run(out, { seeds: [0] });
  t.deepEqual(left.missing, [{ id: ALL[0]!, reason: 'in use' }]);
  t.deepEqual(left.ran, [ALL[1]]);

  const released = await run(out, {
    seeds: [0, 2],
    runJob: async (job) => {
      held.release();
      return outcomeOf(job);
    },
  });
  t.deepEqual(released.missing, []);
  t.true(released.ran.includes(ALL[0]!));
});

test('the lock of the training itself is respected', async (t) => {
  const runJob = async () => {
    throw new FlatminError('IN_USE', 'held');
  };
  const out = temporaryFolder(t);
  const { missing } = await run(out, { runJob });
  t.true(missing.every(({ reason }) => reason === 'in use'));
  t.false(existsSync(join(out, 'jobs', ALL[0]!, 'failure.json')));
});

test('shards do their part, and the last one tabulates', async (t) => {
  const out = temporaryFolder(t);
  const first = await run(out, { shard: { index: 1, count: 2 } });
  t.deepEqual(first.ran, [ALL[0], ALL[2]]);
  t.deepEqual(
    first.missing.map(({ id, reason }) => [id, reason]),
    [
      [ALL[1], 'not done'],
      [ALL[3], 'not done'],
    ],
  );
  const second = await run(out, { shard: { index: 2, count: 2 } });
  t.deepEqual(second.ran, [ALL[1], ALL[3]]);
  t.truthy(second.results);
});

test('jobs at a time', async (t) => {
  let [now, most] = [0, 0];
  const runJob = async (job: Job) => {
    most = Math.max(most, ++now);
    await setTimeout(20);
    now--;
    return outcomeOf(job);
  };
  t.truthy((await run(temporaryFolder(t), { runJob, jobs: 3 })).results);
  t.is(most, 3);
  await t.throwsAsync(run(temporaryFolder(t), { jobs: 0 }), {
    message: /jobs to be an integer from 1 to 64, but received 0/,
  });
  await t.throwsAsync(run(temporaryFolder(t), { tries: 1.5 }), {
    message: /tries to be a positive integer, but received 1\.5/,
  });
});

test('an interrupted experiment stops after the jobs under way, and goes on', async (t) => {
  const out = temporaryFolder(t);
  const controller = new AbortController();
  const runJob = async (job: Job) => {
    if (job.id === ALL[1]) {
      controller.abort();
      throw new FlatminError('INTERRUPTED', 'Stopped after step 3.');
    }
    return outcomeOf(job);
  };
  const message = 'Stopped after step 3. 1 of 4 jobs are done; the same command goes on.';
  await t.throwsAsync(run(out, { runJob, signal: controller.signal }), { code: 'INTERRUPTED', message });
  t.deepEqual((await run(out)).ran, ALL.slice(1));
});

test('two processes that share a folder do each job once, also when one is killed', async (t) => {
  const out = temporaryFolder(t);
  const seeds = Array.from({ length: 20 }, (_, seed) => seed);
  const body = `
    import { setTimeout } from 'node:timers/promises';
    const ran = [];
    const report = await lib.runExperiment(${JSON.stringify(experiment)}, {
      out: ${JSON.stringify(out)},
      seeds: ${JSON.stringify(seeds)},
      async runJob(job) {
        console.log(job.id);
        await setTimeout(5);
        return { metrics: { accuracy: job.seed / 100 }, seconds: {} };
      },
    });
    console.log(JSON.stringify(report.missing.length));
  `;
  const children = Array.from({ length: 3 }, () => new Child(t, 'experiment/run-experiment.js', body));
  const [victim, ...others] = children as [Child, Child, Child];
  const byVictim = [await victim.line(), await victim.line(), await victim.line()];
  await victim.kill();
  const ran = await Promise.all(
    others.map(async (child) => {
      const lines: string[] = [];
      for (let line = await child.line(); line !== undefined; line = await child.line()) lines.push(line);
      return lines;
    }),
  );
  const ids = ran.flatMap((lines) => lines.slice(0, -1));
  t.is(new Set(ids).size, ids.length, 'no job twice');
  const { results, ran: left } = await run(out, { seeds });
  t.is(results?.jobs.length, 40);
  t.true(left.length + ids.length + byVictim.length >= 40);
  t.true(left.length <= 1, 'at most the job of the killed process');
});
