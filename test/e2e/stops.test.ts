import { once } from 'node:events';
import { existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import test from 'ava';
import { mlp } from '../../src/models/mlp.js';
import { writeModel } from '../../src/onnx/model.js';
import { processIsAlive } from '../../src/run/folder/process-start.js';
import { recordsReach, runCli, startCli, temporaryFolder } from './run-cli.js';

const RUN = ['--model', 'mlp-4', '--data', 'digits', '--batch', '32', '--threads', '1'];
const SHORT = [...RUN, '--epochs', '2', '--train-samples', '64', '--test-samples', '64'];
const LONG = [...RUN, '--epochs', '10000'];
const BENCH = ['--model', 'wrn-10-1', '--optimizer', 'sgd', '--batches', '8', '--steps', '100000', '--quiet'];
const FULL = '/dev/full';

async function modelFile(t: { teardown(fn: () => void): void }): Promise<string> {
  const path = join(temporaryFolder(t), 'model.onnx');
  await writeModel(mlp({ inputShape: [4] }), path);
  return path;
}

for (const name of ['stdout', 'stderr'] as const) {
  test(`a run whose ${name} nobody reads is done to its end`, async (t) => {
    const out = join(temporaryFolder(t), 'run');
    const { child, result } = startCli(['train', ...SHORT, '--out', out]);
    child[name]!.destroy();
    const { code, stderr } = await result;
    t.is(code, 0, stderr);
    t.notRegex(stderr, /EPIPE/);
    for (const file of ['model.onnx', 'summary.json', 'checkpoint.safetensors'])
      t.true(existsSync(join(out, file)), file);
    t.deepEqual(
      readdirSync(out).filter((file) => /\.(tmp|lock)$/.test(file)),
      [],
    );
  });
}

test('a result that nobody reads is no failure', async (t) => {
  const { child, result } = startCli(['inspect', await modelFile(t)]);
  child.stdout!.destroy();
  const { code, stderr } = await result;
  t.is(code, 0);
  t.is(stderr, '');
});

(existsSync(FULL) ? test : test.skip)(
  'a result that cannot be written is a failure of one line',
  async (t) => {
    const file = openSync(FULL, 'w');
    const { result } = startCli(['inspect', await modelFile(t)], {}, file);
    const { code, stderr } = await result;
    t.is(code, 1);
    t.regex(stderr, /^flatmin: .*standard output.*ENOSPC.*\n$/);
  },
);

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  test(`${signal} ends a run with a checkpoint to go on from, and code ${code}`, async (t) => {
    const out = join(temporaryFolder(t), 'run');
    const { child, result } = startCli(['train', ...LONG, '--quiet', '--out', out]);
    await recordsReach(join(out, 'metrics.jsonl'), 2, child);
    child.kill(signal);
    const ended = await result;
    t.is(ended.code, code, ended.stderr);
    t.regex(ended.stderr, /Stopped after step \d+; a checkpoint is written\..*--resume --out/);
    t.true(existsSync(join(out, 'checkpoint.safetensors')));
    t.false(existsSync(join(out, 'run.lock')));
  });
}

test('a second signal ends a run at once, with its own code', async (t) => {
  const out = join(temporaryFolder(t), 'run');
  const { child, result } = startCli(['train', ...LONG, '--quiet', '--out', out]);
  await recordsReach(join(out, 'metrics.jsonl'), 2, child);
  // Both are there when the process looks.
  child.kill('SIGSTOP');
  child.kill('SIGTERM');
  child.kill('SIGHUP');
  child.kill('SIGCONT');
  const { code, stderr } = await result;
  t.true(code === 129 || code === 143, `${code}`);
  t.notRegex(stderr, /a checkpoint is written/);
});

test('a run ends before its time limit with code 75, and goes on later to the same result', async (t) => {
  const dir = temporaryFolder(t);
  const [out, whole] = [join(dir, 'run'), join(dir, 'whole')];
  // Over before training begins.
  const { code, stderr } = await runCli('train', ...SHORT, '--quiet', '--time-limit', '1s', '--out', out);
  t.is(code, 75, stderr);
  t.regex(
    stderr,
    /^flatmin: The time limit of 1s is nearly over\. Stopped after step 0; a checkpoint is written\..*--resume/,
  );
  t.false(existsSync(join(out, 'model.onnx')));
  const more = await runCli('train', '--resume', '--quiet', '--time-limit', '1h', '--out', out);
  t.is(more.code, 0, more.stderr);
  await runCli('train', ...SHORT, '--quiet', '--out', whole);
  t.true(readFileSync(join(out, 'model.onnx')).equals(readFileSync(join(whole, 'model.onnx'))));
});

test('an experiment ends before its time limit with code 75', async (t) => {
  const out = join(temporaryFolder(t), 'experiment');
  const command = ['experiment', 'table2', '--scale', 'tiny', '--quiet', '--time-limit', '1s', '--out', out];
  const { code, stderr } = await runCli(...command);
  t.is(code, 75, stderr);
  t.regex(stderr, /The time limit of 1s is nearly over\..*0 of \d+ jobs are done; the same command goes on/);
});

test('names out of a model cannot write to the terminal', async (t) => {
  const path = join(temporaryFolder(t), 'model.onnx');
  const model = mlp({ inputShape: [1, 8, 8], hidden: [4] });
  const name = 'w\x1b[2J\nTrainable.';
  model.graph.initializer[0]!.name = name;
  model.graph.node[1]!.input[1] = name;
  await writeModel(model, path);
  const { stdout } = await runCli('inspect', path);
  t.true(stdout.includes('w\\x1b[2J\\x0aTrainable.'), stdout);
  t.false(stdout.includes('\x1b'));
  const json = await runCli('inspect', path, '--json');
  t.is(JSON.parse(json.stdout).parameters[0].name, name);
  model.graph.node[1]!.opType = 'Bad\x1b[31m';
  await writeModel(model, path);
  const { stderr } = await runCli('sharpness', path, '--data', 'digits');
  t.regex(stderr, /^flatmin: .*Bad\\x1b\[31m/);
  t.false(stderr.includes('\x1b'));
});

test('what no one foresaw is one line that asks for a report, and a stack only with FLATMIN_DEBUG', async (t) => {
  const fault = "process.on('SIGUSR2', () => null.length)";
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(fault)}` };
  const run = async (more: NodeJS.ProcessEnv) => {
    const out = join(temporaryFolder(t), 'run');
    const { child, result } = startCli(['train', ...LONG, '--quiet', '--out', out], { ...env, ...more });
    await recordsReach(join(out, 'metrics.jsonl'), 2, child);
    child.kill('SIGUSR2');
    return result;
  };
  const { code, stderr } = await run({});
  t.is(code, 1);
  t.regex(stderr, /^flatmin: TypeError: [^\n]*report it[^\n]*FLATMIN_DEBUG=1[^\n]*\n$/);
  t.regex((await run({ FLATMIN_DEBUG: '1' })).stderr, /TypeError[^\n]*\n\s+at /);
});

(process.platform === 'linux' ? test : test.skip)(
  'a process that measures ends with its parent',
  async (t) => {
    const { child } = startCli(['bench', 'scale', ...BENCH, '--out', join(temporaryFolder(t), 'sweep')]);
    let measuring: number[] = [];
    while (measuring.length === 0 && child.exitCode === null) {
      measuring = childrenOf(child.pid!);
      await setTimeout(20);
    }
    // It has begun to listen.
    await setTimeout(500);
    child.kill('SIGKILL');
    await once(child, 'close');
    t.is(measuring.length, 1);
    while (processIsAlive(measuring[0]!, null)) await setTimeout(20);
  },
);

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}
