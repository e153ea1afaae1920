import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { checkTrace } from '../unit/bench/trace-schema.js';
import { runCli, startCli, temporaryFolder } from './run-cli.js';

const small = ['--model', 'wrn-10-1', '--batch', '4', '--input', '3x8x8', '--steps', '3', '--warmup', '1'];

test('bench step --profile writes a trace with the kernels in their gradients, and these in their steps', async (t) => {
  const path = join(temporaryFolder(t), 'traces', 'trace.json');
  const { code, stdout, stderr } = await runCli(
    ...['bench', 'step', ...small, '--optimizer', 'sam', '--profile', path, '--json'],
  );
  t.is(code, 0, stderr);
  t.is(JSON.parse(stdout).steps, 3);
  const { events, titles } = checkTrace(JSON.parse(readFileSync(path, 'utf8')));
  const named = (name: string | RegExp) =>
    events.filter((one) => (typeof name === 'string' ? one.name === name : name.test(one.name)));
  t.is(named(/^step \d$/).length, 4);
  t.is(named('gradient').length, 8);
  t.is(named('model_run').length, 8);
  t.true(named('vector program').length >= 8);
  t.is(named('waiting for data').length, 4);
  const inside = (one: (typeof events)[number], other: (typeof events)[number]) =>
    one.ts >= other.ts - 50 && one.ts + one.dur <= other.ts + other.dur + 50;
  const gradients = named('gradient').sort((a, b) => a.ts - b.ts);
  const runs = named('model_run').sort((a, b) => a.ts - b.ts);
  for (const [i, run] of runs.entries()) t.true(inside(run, gradients[i]!), `run ${i}`);
  for (const [i, gradient] of gradients.entries())
    t.true(inside(gradient, named(`step ${Math.floor(i / 2) + 1}`)[0]!), `gradient ${i}`);
  t.true([...titles.values()].includes('ONNX Runtime'));
});

test('Ctrl-C ends a profile, and leaves neither a trace nor the session\u2019s own', async (t) => {
  const folder = temporaryFolder(t);
  const { child, result } = startCli(
    [...['bench', 'step', ...small, '--steps', '100000'], '--profile', join(folder, 'trace.json')],
    { TMPDIR: folder },
  );
  const profiles = () => readdirSync(folder).filter((name) => name.startsWith('flatmin-profile-'));
  while (profiles().length === 0 && child.exitCode === null) await sleep(20);
  await sleep(500);
  child.kill('SIGINT');
  const { code, stderr } = await result;
  t.is(code, 130, stderr);
  t.regex(stderr, /flatmin: Stopped\.\n$/);
  t.deepEqual(profiles(), []);
  t.false(existsSync(join(folder, 'trace.json')));
});

test('bench kernels tells what each op of a step takes', async (t) => {
  const { code, stdout, stderr } = await runCli(
    ...['bench', 'kernels', ...small, '--optimizer', 'rand-sam', '--threads', '2', '--json'],
  );
  t.is(code, 0, stderr);
  t.regex(stdout, /^[^\n]+\n$/);
  const report = JSON.parse(stdout);
  t.like(report, { model: 'wrn-10-1', batch: 4, runsPerStep: 1, timed: 'calls', device: 'cpu' });
  t.true(report.limits.flopPerSecond > 1e9 && report.limits.bytesPerSecond > 1e8);
  const ops: { op: string; inputs: string[]; count: number; flop: number; share: number; seconds: number }[] =
    report.kernels;
  // 8×8 pixels, 3 → 16 channels, 3×3: 2·4·16·64·27 operations.
  const stem = ops.find(({ op, inputs }) => /Conv$/.test(op) && inputs[1] === 'float 16×3×3×3')!;
  t.is(stem.count, 1);
  t.is(stem.flop, 221_184);
  for (const name of ['vector program', 'normal numbers'])
    t.truthy(
      ops.find(({ op }) => op === name),
      name,
    );
  for (const { seconds, share } of [...ops, report.rest]) {
    t.true(Number.isFinite(seconds));
    t.true(Math.abs(share - seconds / report.secondsPerStep) < 1e-9);
  }
});

test('bench kernels --forms times each form of an op and marks the chosen and the fastest', async (t) => {
  const { code, stdout, stderr } = await runCli(
    ...['bench', 'kernels', '--model', 'small-cnn', '--batch', '2', '--input', '1x8x8', '--steps', '1'],
    ...['--warmup', '0', '--forms', '--json', '--quiet'],
  );
  t.is(code, 0, stderr);
  t.is(stderr, '');
  interface Form {
    form: string;
    seconds: number | null;
    refused?: string;
    chosen: boolean;
    fastest: boolean;
  }
  const forms: { op: string; forms: Form[] }[] = JSON.parse(stdout).forms;
  const gradient = forms.find(({ op }) => op === 'com.microsoft:ConvGrad')!;
  t.deepEqual(gradient.forms.map(({ form }) => form).sort(), ['flatmin', 'standard', 'training']);
  for (const { op, forms: own } of forms) {
    t.true(own.length > 1, op);
    t.is(own.filter(({ chosen }) => chosen).length, 1, op);
    t.true(
      own.some(({ fastest }) => fastest),
      op,
    );
    for (const { seconds, refused } of own) t.is(seconds === null, refused !== undefined, op);
    t.not(own.find(({ chosen }) => chosen)!.seconds, null, op);
  }
});
