import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { readSafetensors } from '../../src/formats/safetensors.js';
import { relativeError } from '../reference/tolerance.js';
import { startRanks, whyNoRanks } from './ranks/launch.js';
import type { Outcome } from './ranks/steps.js';
import { readMetrics, recordsReach, runCli, temporaryFolder } from './run-cli.js';

const ranked = whyNoRanks === undefined ? test.serial : test.serial.skip;
if (whyNoRanks !== undefined) console.warn(`Tests of ranks are skipped: ${whyNoRanks}.`);

const script = (name: string) => fileURLToPath(new URL(`./ranks/${name}.js`, import.meta.url));
type Outcomes = Record<string, Outcome>;

/** Steps of `microBatches` on a number of ranks; what each of them has in the end. */
async function steps(
  dir: string,
  ranks: number,
  microBatches: number,
  count: number,
  few = false,
): Promise<Outcomes[]> {
  const folder = join(dir, `${ranks}-${microBatches}`);
  mkdirSync(folder);
  const args = [script('steps'), folder, String(microBatches), String(count), few ? 'few' : ''];
  if (ranks === 1) execFileSync(process.execPath, args);
  else {
    const { code, stderr } = await startRanks(ranks, args).result;
    if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
  }
  return Array.from({ length: ranks }, (_, rank) =>
    JSON.parse(readFileSync(join(folder, `${rank}.json`), 'utf8')),
  );
}

ranked('two ranks are one process with two micro-batches, bit for bit, with every optimizer', async (t) => {
  t.timeout(300_000);
  const dir = temporaryFolder(t);
  const [one] = await steps(dir, 1, 2, 3);
  const both = await steps(dir, 2, 2, 3);
  for (const [name, { digest }] of Object.entries(one!))
    t.deepEqual(
      both.map((rank) => rank[name]!.digest),
      [digest, digest],
      name,
    );
  for (const [name, { statistics }] of Object.entries(both[0]!)) {
    t.deepEqual(both[1]![name]!.statistics, statistics, `${name}: statistics of both ranks`);
    // The mean of one move each, where one process makes a second move from the first.
    const difference = relativeError(statistics, one![name]!.statistics);
    t.true(difference > 0 && difference < 0.5, `${name}: statistics differ by ${difference}`);
  }
});

ranked(
  'four ranks, and two with two micro-batches each, are one process with four to rounding',
  async (t) => {
    t.timeout(300_000);
    const dir = temporaryFolder(t);
    const [one] = await steps(dir, 1, 4, 1, true);
    for (const ranks of [2, 4]) {
      const [first] = await steps(dir, ranks, 4, 1, true);
      for (const [name, { parameters }] of Object.entries(one!))
        t.true(relativeError(first![name]!.parameters, parameters) < 1e-6, `${name} on ${ranks} ranks`);
    }
  },
);

const BIN = fileURLToPath(new URL('../../../bin/flatmin.js', import.meta.url));
const settings = [
  'train',
  ...['--model', 'mlp', '--data', 'digits', '--optimizer', 'sam', '--batch', '32', '--epochs', '2'],
  ...['--threads', '1'],
];
/** flatmin as the ranks of a job. */
const cli = (ranks: number, ...args: string[]) => startRanks(ranks, [BIN, ...args]);

/** All tensors of the last checkpoint. */
async function checkpoint(out: string): Promise<Record<string, number[]>> {
  const { tensors } = await readSafetensors(join(out, 'checkpoint.safetensors'));
  return Object.fromEntries([...tensors].map(([name, { data }]) => [name, [...(data as Float32Array)]]));
}

ranked(
  'a run on two ranks is that of one process with two micro-batches, and goes on to the same bits',
  async (t) => {
    t.timeout(300_000);
    const dir = temporaryFolder(t);
    const [one, two, stopped] = ['one', 'two', 'stopped'].map((name) => join(dir, name)) as [
      string,
      string,
      string,
    ];
    t.is((await runCli(...settings, '--accumulate', '2', '--out', one)).code, 0);
    const job = await runCli(...settings, '--ranks', '2', '--out', two, '--json');
    t.is(job.code, 0, job.stderr);
    t.is(job.stdout.trim().split('\n').length, 1, 'rank 0 alone prints');
    t.is(JSON.parse(readFileSync(join(two, 'config.json'), 'utf8')).execution.ranks, 2);
    t.deepEqual(readMetrics(two), readMetrics(one));
    t.deepEqual(await checkpoint(two), await checkpoint(one));

    const part = cli(2, ...settings, '--out', stopped, '--checkpoint-every', '1');
    await recordsReach(join(stopped, 'metrics.jsonl'), 5, part.child);
    part.child.kill('SIGTERM');
    await part.result;
    t.false(existsSync(join(stopped, 'summary.json')), 'it was over before it was stopped');
    const rest = await cli(2, 'train', '--out', stopped, '--resume').result;
    t.is(rest.code, 0, rest.stderr);
    t.deepEqual(readMetrics(stopped), readMetrics(one));
    t.deepEqual(await checkpoint(stopped), await checkpoint(one));
    t.deepEqual(readdirSync(stopped).sort(), readdirSync(one).sort());
  },
);

ranked(
  'a run goes on with another number of ranks, and says so; one that does not fit is refused',
  async (t) => {
    t.timeout(300_000);
    const out = join(temporaryFolder(t), 'run');
    const part = cli(2, ...settings, '--out', out, '--checkpoint-every', '1');
    await recordsReach(join(out, 'metrics.jsonl'), 5, part.child);
    part.child.kill('SIGTERM');
    await part.result;
    const three = await cli(3, 'train', '--out', out, '--resume').result;
    t.not(three.code, 0);
    t.regex(three.stderr, /number of ranks.*divisor of 2/);
    const alone = await runCli('train', '--out', out, '--resume');
    t.is(alone.code, 0, alone.stderr);
    t.regex(alone.stderr, /began .*2 ranks of 1 threads.* goes on/);
  },
);

ranked('a rank that fails ends all, with its number and reason', async (t) => {
  const { code, stderr } = await startRanks(2, [script('fail')]).result;
  t.not(code, 0);
  t.regex(stderr, /bad luck/);
  t.regex(stderr, /Rank 1 of 2 ended with exit code 1/);
});

ranked('what all ranks see is told once: a model that is not there', async (t) => {
  const out = join(temporaryFolder(t), 'run');
  const { code, stderr } = await cli(2, 'train', '--model', 'nope.onnx', '--data', 'digits', '--out', out)
    .result;
  t.is(code, 1);
  t.is(stderr.match(/there is no such file/g)?.length, 1, stderr);
  t.notRegex(stderr, /Rank [01]/);
});

/** All numbers of a result, by their places. */
function numbersIn(value: unknown, place = ''): Map<string, number> {
  if (typeof value === 'number') return new Map([[place, value]]);
  if (typeof value !== 'object' || value === null) return new Map();
  const inner = Object.entries(value).filter(([name]) => !/seconds/i.test(name));
  return new Map(inner.flatMap(([name, each]) => [...numbersIn(each, `${place}.${name}`)]));
}

ranked('evaluations, sharpness and landscapes on two and three ranks are those of one process', async (t) => {
  t.timeout(600_000);
  const dir = temporaryFolder(t);
  const run = join(dir, 'run');
  const trained = await runCli(
    ...settings,
    '--optimizer',
    'sgd',
    '--epochs',
    '1',
    '--batch',
    '100',
    '--out',
    run,
  );
  t.is(trained.code, 0, trained.stderr);
  // Of 12 batches of m-sharpness and 5 of all samples, ranks have unequal numbers; of 2 a third rank has none.
  const measures = 'ascent,ascent-n,adaptive-average,worst,m-sharpness,eigenvalues,trace,density';
  const quick = ['--draws', '2', '--restarts', '1', '--worst-steps', '2', '--trace-draws', '2'];
  const lanczos = ['--lanczos-steps', '5', '--eigenvalues', '2', '--density-draws', '1', '--m', '10'];
  const commands = [
    ['evaluate', run, '--json', '--details', '--batch', '100'],
    [
      'sharpness',
      run,
      '--json',
      '--measures',
      measures,
      ...quick,
      ...lanczos,
      '--samples',
      '114',
      '--batch',
      '25',
    ],
    [
      'sharpness',
      run,
      '--json',
      '--measures',
      'ascent,trace',
      '--trace-draws',
      '2',
      '--samples',
      '40',
      '--batch',
      '20',
    ],
  ];
  for (const [index, command] of commands.entries()) {
    const ranks = index === 1 ? 2 : 3;
    const [one, shared] = [await runCli(...command), await runCli(...command, '--ranks', String(ranks))];
    t.deepEqual([one.code, shared.code], [0, 0], shared.stderr);
    t.is(shared.stdout.trim().split('\n').length, 1, 'rank 0 alone prints');
    t.is(shared.stderr, one.stderr);
    const [wanted, found] = [one, shared].map(({ stdout }) => numbersIn(JSON.parse(stdout)));
    t.deepEqual([...found!.keys()], [...wanted!.keys()]);
    for (const [place, value] of wanted!)
      t.true(
        Math.abs(found!.get(place)! - value) <= 2e-3 * Math.abs(value) + 1e-6,
        `${command.slice(0, 1)} ${place}: ${found!.get(place)} for ${value}`,
      );
  }
  const drawn = ['landscape', run, '--points', '3', '--samples', '200', '--batch', '50', '--out'];
  t.is((await runCli(...drawn, join(dir, 'one'))).code, 0);
  const shared = await runCli(...drawn, join(dir, 'shared'), '--ranks', '3');
  t.is(shared.code, 0, shared.stderr);
  t.is(shared.stderr.match(/\.svg/g)?.length, 1, 'rank 0 alone writes');
  const [wanted, found] = ['one', 'shared'].map((name) =>
    numbersIn(JSON.parse(readFileSync(join(dir, name, 'landscape-1d.json'), 'utf8'))),
  );
  for (const [place, value] of wanted!)
    t.true(
      Math.abs(found!.get(place)! - value) <= 1e-4 * Math.abs(value) + 1e-7,
      `landscape ${place}: ${found!.get(place)} for ${value}`,
    );
});
