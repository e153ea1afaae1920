import { chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { Diagnosis } from '../../src/provision/diagnosis.js';
import type { ListedRuntime } from '../../src/provision/list.js';
import { jarAround, LIBRARY, trainingLibrary, writeJar } from '../unit/provision/jars.js';
import { runCli, startCli, temporaryFolder } from './run-cli.js';

/** A cache and a PATH of the test's own; the tests run one after another. */
function ownMachine(t: ExecutionContext): string {
  const folder = temporaryFolder(t);
  const { PATH, FLATMIN_CACHE, FLATMIN_RUNTIME } = process.env;
  process.env.FLATMIN_CACHE = join(folder, 'cache');
  delete process.env.FLATMIN_RUNTIME;
  t.teardown(() => {
    for (const [name, value] of Object.entries({ PATH, FLATMIN_CACHE, FLATMIN_RUNTIME }))
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  });
  return folder;
}

function fakeMaven(folder: string, script: string): void {
  writeFileSync(join(folder, 'mvn'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, 'mvn'), 0o755);
  process.env.PATH = `${folder}${delimiter}${process.env.PATH}`;
}

const listed = async (): Promise<ListedRuntime[]> =>
  JSON.parse((await runCli('runtime', 'list', '--json')).stdout).runtimes;

test.serial('an empty cache: stock is listed, and the default', async (t) => {
  ownMachine(t);
  const runtimes = await listed();
  t.deepEqual(
    runtimes.map(({ name, version, defaultOn }) => ({ name, version, defaultOn })),
    [{ name: 'stock', version: '1.30.0', defaultOn: ['cpu'] }],
  );
  const { code, stdout } = await runCli('runtime', 'list');
  t.is(code, 0);
  t.regex(stdout, /│ stock +│ 1\.30\.0 +│ .*CPU.*│ \d+ MiB +│ cpu/);
});

test.serial('a library that FLATMIN_RUNTIME names is listed, also where it cannot be used', async (t) => {
  const folder = ownMachine(t);
  process.env.FLATMIN_RUNTIME = join(folder, 'libonnxruntime.so.1');
  const row = (await listed()).at(-1)!;
  t.is(row.name, 'FLATMIN_RUNTIME');
  t.is(row.version, null);
  t.regex(row.problem ?? '', /there is no file .*libonnxruntime\.so\.1/);
});

test.serial('a file that is no runtime: one message, exit code 1', async (t) => {
  const folder = ownMachine(t);
  const jar = writeJar(folder, { [LIBRARY]: 'no library' });
  const { code, stdout, stderr } = await runCli('runtime', 'install', '--from', jar);
  t.is(code, 1);
  t.is(stdout, '');
  t.regex(stderr, /flatmin: What .*\.jar holds does not run here: /);
  t.notRegex(stderr, /\n {4}at /);
});

test.serial('without Maven: how to get it, and what to do without', async (t) => {
  process.env.PATH = ownMachine(t);
  const { code, stderr } = await runCli('runtime', 'install');
  t.is(code, 1);
  t.regex(stderr, /flatmin: Maven's client "mvn".*Install it.*--from JAR/);
});

test.serial('a runtime that is not installed: the command that installs it', async (t) => {
  const folder = ownMachine(t);
  const train = (...more: string[]) =>
    runCli('train', '--data', 'digits', '--model', 'mlp', '--out', join(folder, 'run'), ...more);
  const onCpu = await train('--runtime', 'training');
  t.is(onCpu.code, 1);
  t.regex(onCpu.stderr, /flatmin: The training build .* is not installed in .*flatmin runtime install\n$/);
  const onCuda = await train('--device', 'cuda');
  t.is(onCuda.code, 1);
  // Whichever the machine lacks first.
  t.regex(
    onCuda.stderr,
    /^flatmin: (No NVIDIA driver|CUDA libraries are missing|.*flatmin runtime install --gpu)/,
  );
});

test.serial('Ctrl-C while Maven runs leaves nothing behind', async (t) => {
  const folder = ownMachine(t);
  fakeMaven(folder, `touch ${folder}/asked; exec sleep 60`);
  const { child, result } = startCli(['runtime', 'install']);
  while (!existsSync(join(folder, 'asked'))) await sleep(10);
  child.kill('SIGINT');
  const { code, stderr } = await result;
  t.is(code, 130);
  t.regex(stderr, /The installation was stopped; nothing was installed/);
  t.deepEqual(readdirSync(join(folder, 'cache', 'runtimes')), []);
});

test.serial('doctor: the CPU works, CUDA does not without its build, in lines of 100 columns', async (t) => {
  ownMachine(t);
  const cpu = await runCli('doctor');
  t.is(cpu.code, 0);
  t.regex(cpu.stdout, /--device cpu works\./);
  const words = cpu.stdout.split('\n').filter((line) => !line.includes('/'));
  t.true(words.every((line) => line.length <= 100));
  const cuda = await runCli('doctor', '--device', 'cuda', '--json');
  t.is(cuda.code, 1);
  const diagnosis = JSON.parse(cuda.stdout) as Diagnosis;
  t.false(diagnosis.works);
  t.true(diagnosis.problems.some(({ fix }) => fix.includes('flatmin runtime install --gpu')));
  t.true(diagnosis.problems.every(({ what, fix }) => what && fix));
  const odd = await runCli('doctor', '--device', 'tpu');
  t.is(odd.code, 1);
  t.regex(odd.stderr, /Expected device to be 'cpu', 'cuda' or 'cuda:<ordinal>'/);
});

const withTraining = trainingLibrary ? test.serial : test.serial.skip;

withTraining('install from a jar, list, diagnose, train', async (t) => {
  const folder = ownMachine(t);
  const jar = jarAround(folder, trainingLibrary!);
  const install = await runCli('runtime', 'install', '--from', jar, '--json');
  t.is(install.code, 0, install.stderr);
  t.true(JSON.parse(install.stdout).isNew);
  t.regex(
    (await runCli('runtime', 'install', '--from', jar)).stdout,
    /^Already installed: ONNX Runtime 1\.28\.0/,
  );
  t.deepEqual(
    (await listed()).map(({ name, defaultOn }) => [name, defaultOn]),
    [
      ['stock', []],
      ['training', ['cpu']],
    ],
  );
  const doctor = JSON.parse((await runCli('doctor', '--json')).stdout) as Diagnosis;
  t.true(doctor.works);
  t.is(doctor.runtime?.kind, 'training');
  t.true(Object.keys(doctor.kernels?.kernels ?? {}).includes('com.microsoft:ConvGrad'));
  const out = join(folder, 'run');
  const small = ['--data', 'digits', '--model', 'wrn-10-1', '--epochs', '1', '--batch', '64'];
  const run = await runCli('train', ...small, '--runtime', 'training', '--out', out, '--json');
  t.is(run.code, 0, run.stderr);
  t.true(JSON.parse(run.stdout).accuracy > 0.3);
});
