import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { packageVersion } from '../../src/package-file.js';
import { runCli, startCli, temporaryFolder } from './run-cli.js';

test('without arguments it says where to begin, in 80 columns', async (t) => {
  const { code, stdout, stderr } = await startCli([], { npm_command: undefined }).result;
  t.is(code, 0);
  t.is(stderr, '');
  for (const begin of ['demo', 'init ', 'inspect ', 'train '])
    t.regex(stdout, new RegExp(`^  flatmin ${begin}`, 'm'));
  t.true(stdout.split('\n').length <= 14, stdout);
  const npx = (await startCli([], { npm_command: 'exec' }).result).stdout;
  t.regex(npx, /^ {2}npx flatmin demo$/m);
  for (const line of npx.split('\n')) t.true(line.length <= 80, line);
});

test('--version tells what runs the graphs, too', async (t) => {
  const { code, stdout } = await startCli(['--version'], { FLATMIN_RUNTIME: 'stock' }).result;
  t.is(code, 0);
  const [, own, runtime] = /^(\S+) \(ONNX Runtime (\S+), stock\)\n$/.exec(stdout) ?? [];
  t.is(own, packageVersion());
  t.regex(runtime ?? '', /^\d+\.\d+\.\d+$/);
});

test('--version is told where no ONNX Runtime can be opened', async (t) => {
  const { code, stdout } = await startCli(['-V'], { FLATMIN_RUNTIME: '/nowhere' }).result;
  t.is(code, 0);
  t.true(stdout.startsWith(`${packageVersion()} (no ONNX Runtime: `), stdout);
});

test('the demo trains in three ways and ends with the page it wrote', async (t) => {
  const out = join(temporaryFolder(t), 'demo');
  const { code, stdout, stderr } = await runCli('demo', '--epochs', '1', '--out', out);
  t.is(code, 0, stderr);
  for (const name of ['sgd', 'rand-sam', 'sam']) t.regex(stdout, new RegExp(`^│ ${name} +│ +\\d`, 'm'));
  const page = stdout.trimEnd().split(' ').at(-1)!;
  t.is(page, join(out, 'report.html'));
  const text = readFileSync(page, 'utf8');
  for (const name of ['sgd', 'rand-sam', 'sam']) t.true(text.includes(name));

  const again = await runCli('demo', '--epochs', '1', '--out', out);
  t.is(again.code, 1);
  t.is(again.stderr, `flatmin: There is a run in ${out} already: give another --out.\n`);
});

test('init refuses a folder that has something in it, by name, and leaves it as it is', async (t) => {
  const folder = join(temporaryFolder(t), 'mine');
  mkdirSync(folder);
  writeFileSync(join(folder, 'train.ts'), 'mine');
  const { code, stderr } = await runCli('init', folder);
  t.is(code, 1);
  t.regex(stderr, /mine is not empty: it has train\.ts\. Nothing was written/);
  t.deepEqual(readdirSync(folder), ['train.ts']);
  t.is(readFileSync(join(folder, 'train.ts'), 'utf8'), 'mine');

  const onFile = await runCli('init', join(folder, 'train.ts'));
  t.is(onFile.code, 1);
  t.regex(onFile.stderr, /train\.ts is not a folder/);
});

test('init takes an empty folder, and a name that npm does not allow', async (t) => {
  const folder = join(temporaryFolder(t), 'My models (2)');
  mkdirSync(folder);
  const { code, stdout } = await runCli('init', folder);
  t.is(code, 0);
  t.true(stdout.includes(`cd '${folder}' && npm install && npm start`), stdout);
  t.true(existsSync(join(folder, '.gitignore')));
  const { name, dependencies, type, allowScripts } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  );
  // What npm 11 and 12, and pnpm, ask for: else they warn, or end with code 1.
  t.deepEqual(allowScripts, { 'onnxruntime-node': false });
  t.regex(
    readFileSync(join(folder, 'pnpm-workspace.yaml'), 'utf8'),
    /^allowBuilds:\n {2}onnxruntime-node: false$/m,
  );
  t.is(name, 'my-models-2');
  t.is(type, 'module');
  t.deepEqual(dependencies, { flatmin: packageVersion() });
});
