import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { ExperimentFile } from '../../src/experiment/schema.js';
import { recordsReach, runCli, startCli, temporaryFolder } from './run-cli.js';

const experiment: ExperimentFile = {
  name: 'short',
  title: 'Short trainings',
  rows: 'optimizer',
  settings: { model: 'wrn-10-1', batch: 32, trainSamples: 320, testSamples: 64, evalEvery: 2 },
  sharpness: { rho: 0.05, measures: ['ascent'], samples: 64 },
  variants: [
    { name: 'sgd', settings: {}, paper: { digits: { accuracy: { mean: 99.1 } } } },
    { name: 'sam', label: 'SAM', settings: { optimizer: 'sam' } },
  ],
  columns: [
    { metric: 'accuracy', label: 'accuracy %', factor: 100 },
    { metric: 'sharpness.ascent', label: 'sharpness ×10³', factor: 1000 },
  ],
  scales: { tiny: { data: ['digits'], seeds: [0, 1], settings: { epochs: 2 } } },
};

const EXECUTION = ['--threads', '1', '--workers', '0'];
const FILES = ['results.json', 'results.csv', 'table.md'];

function prepare(t: Parameters<typeof temporaryFolder>[0], document: unknown = experiment) {
  const dir = temporaryFolder(t);
  const file = join(dir, 'short.json');
  writeFileSync(file, JSON.stringify(document));
  return { dir, command: ['experiment', file, ...EXECUTION] };
}

const read = (out: string) => FILES.map((name) => readFileSync(join(out, name), 'utf8'));
const metricsOf = (out: string, job: string) => join(out, 'jobs', job, 'metrics.jsonl');
const resultOf = (out: string, job: string) => join(out, 'jobs', job, 'job.json');

test.serial('killed anywhere, the same command ends with the same table', async (t) => {
  const { dir, command } = prepare(t);
  const [whole, broken] = [join(dir, 'whole'), join(dir, 'broken')];
  const reference = await runCli(...command, '--out', whole);
  t.is(reference.code, 0, reference.stderr);
  t.regex(
    reference.stdout,
    /^Short trainings\n[\s\S]*optimizer [\s\S]*paper [\s\S]*SAM [\s\S]*\d ± \d[\s\S]*ddof = 1/,
  );
  t.regex(
    reference.stderr,
    /Job 1 of 4: digits-sgd-seed0\n[\s\S]*Job 4 of 4: digits-sam-seed1, about 0:\d\d left/,
  );

  const first = resultOf(broken, 'digits-sgd-seed0');
  let finished: string | undefined;
  for (const [job, records] of [
    ['digits-sgd-seed0', 3],
    ['digits-sam-seed0', 14],
    ['digits-sam-seed0', 21],
    ['digits-sgd-seed1', 22],
  ] as const) {
    const { child, result } = startCli([...command, '--out', broken]);
    await recordsReach(metricsOf(broken, job), records, child);
    child.kill('SIGKILL');
    t.is((await result).signal, 'SIGKILL');
    t.false(existsSync(join(broken, 'results.json')));
    if (existsSync(first)) finished ??= readFileSync(first, 'utf8');
  }
  const end = await runCli(...command, '--out', broken);
  t.is(end.code, 0, end.stderr);
  t.deepEqual(read(broken), read(whole));
  t.is(end.stdout, reference.stdout);
  t.is(finished, readFileSync(first, 'utf8'), 'a finished job is kept');
  const again = await runCli(...command, '--out', broken, '--json', '--quiet');
  t.is(again.stderr, '');
  const { digest, ...results } = JSON.parse(read(whole)[0] as string);
  t.deepEqual(JSON.parse(again.stdout).results, results);
  t.regex(digest, /^[0-9a-f]{8}$/);
});

test.serial('Ctrl-C ends with a hint and 130, and the same command goes on', async (t) => {
  const { dir, command } = prepare(t);
  const out = join(dir, 'out');
  const { child, result } = startCli([...command, '--out', out, '--seeds', '0']);
  await recordsReach(metricsOf(out, 'digits-sam-seed0'), 5, child);
  child.kill('SIGINT');
  const interrupted = await result;
  t.is(interrupted.code, 130);
  t.regex(interrupted.stderr, /1 of 2 jobs are done; the same command goes on/);
  const end = await runCli(...command, '--out', out, '--seeds', '0');
  t.is(end.code, 0, end.stderr);
  t.regex(end.stdout, /One seed \(0\)/);
});

test.serial('two processes share a folder and its jobs', async (t) => {
  const { dir, command } = prepare(t);
  const out = join(dir, 'out');
  const both = await Promise.all([1, 2].map(() => runCli(...command, '--out', out, '--seeds', '0,1,2')));
  const started = both.map(({ stderr }) =>
    [...stderr.matchAll(/^Job \d of 6: (\S+?)(,|$)/gm)].map(([, id]) => id),
  );
  t.is(started.flat().length, 6, 'each job once');
  t.true(started.every((ids) => ids.length > 0));
  for (const { code, stderr } of both) t.is(code, 0, stderr);
  t.true(
    both.some(({ stdout }) => stdout.includes('3 seeds')),
    'the last one tabulates',
  );
  t.is(JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')).jobs.length, 6);
});

test.serial('a failed job is told, with exit code 1, and shards say what is missing', async (t) => {
  const diverging = {
    ...experiment,
    variants: [...experiment.variants!, { name: 'wild', settings: { lr: 1e30 } }],
  };
  const { dir, command } = prepare(t, diverging);
  const out = join(dir, 'out');
  const options = [...command, '--out', out, '--seeds', '0', '--shard'];
  const first = await runCli(...options, '1/2');
  t.is(first.code, 1);
  t.is(first.stdout, '');
  t.regex(first.stderr, /digits-wild-seed0 failed: .*loss/);
  t.regex(
    first.stderr,
    /2 of 3 jobs are missing\.\n {2}digits-sam-seed0: not done\n {2}digits-wild-seed0: failed: .*loss/,
  );
  t.is((await runCli(...options, '2/2')).code, 1);
  t.true(existsSync(resultOf(out, 'digits-sam-seed0')));
});

test.serial('an experiment is printed as a file to start from', async (t) => {
  const { code, stdout } = await runCli('experiment', 'table2', '--print');
  t.is(code, 0);
  const { dir } = prepare(t);
  const file = join(dir, 'mine.json');
  writeFileSync(file, stdout);
  const { stderr } = await runCli('experiment', file, '--out', join(dir, 'out'));
  t.regex(stderr, /needs cifar10.*--data cifar10=DIR/);
  t.false(existsSync(join(dir, 'out')));
});

const wrong: [args: string[], code: number, says: RegExp][] = [
  [['table2'], 1, /--out FOLDER/],
  [['table9', '--out', 'x'], 1, /no experiment "table9".*table2/],
  [['table2', '--out', 'x', '--scale', 'tony'], 1, /scale .*full, small, tiny.*"tony"/],
  [['table2', '--out', 'x', '--shard', '3'], 2, /--shard.*1\/3/],
  [['table2', '--out', 'x', '--shard', '3/2', '--scale', 'tiny'], 1, /shard .*"3\/2"/],
  [['table2', '--out', 'x', '--data', 'cifar10'], 2, /--data.*NAME=FOLDER/],
  [['table2', '--out', 'x', '--data', 'cifar10=none'], 1, /none/],
  [['table2', '--out', 'x', '--seeds', '0,a'], 2, /--seeds.*not a number/],
];

for (const [args, code, says] of wrong) {
  test.serial(`wrong use is told: ${args.join(' ')}`, async (t) => {
    const { dir } = prepare(t);
    const inDir = args.map((arg) => (arg === 'x' ? join(dir, 'x') : arg));
    const result = await runCli('experiment', ...inDir, '--quiet');
    t.is(result.code, code, result.stderr);
    t.regex(result.stderr, says);
    t.notRegex(result.stderr, /\n {4}at /);
    t.false(existsSync(join(dir, 'x')), 'nothing is written');
  });
}
