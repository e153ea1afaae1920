import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join, resolve } from 'node:path';
import { packPackage } from '../package/pack.js';
import { programsIn } from './programs.js';
import { WAYS, type Way } from './ways.js';

/**
 * Packs the package, installs it in empty folders and trains there: node dist/scripts/try-package/main.js [PATTERN]. Prints a table in
 * Markdown, and writes all that each way said into a log of its own in build/try-package; ends with code 1 where one does not work.
 * Run from the repository root, after `npm run prebuilds`.
 */
const SCRIPT = `import { crossEntropy, DataLoader, loadDigits, mlp, SAM, SGD, TrainingSession } from 'flatmin';
const dataset = await loadDigits();
const loader = new DataLoader({ dataset, split: 'train' }, { batch: 64 });
const session = await TrainingSession.create(mlp({ inputShape: dataset.shape, hidden: [32] }), { loss: crossEntropy(), batch: 64 });
const optimizer = new SAM(new SGD({ lr: 0.1, momentum: 0.9 }), { rho: 0.05 });
for (let epoch = 0; epoch < 5; epoch++) for await (const _ of session.train(loader, optimizer));
const { accuracy } = await session.evaluate(new DataLoader({ dataset, split: 'test' }, { batch: 360 }));
await session.save('trained.onnx');
console.log('accuracy', (100 * accuracy).toFixed(1), '%');
session.dispose();
`;

/** npm 10 and 11 run onnxruntime-node's install script, which fails without a way to its host of CUDA libraries. */
const SKIPPED = { ONNXRUNTIME_NODE_INSTALL: 'skip' };

const logs = resolve('build/try-package');
mkdirSync(logs, { recursive: true });
const root = mkdtempSync(join(tmpdir(), 'flatmin-try-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true }));

/** A PATH of what package managers start besides themselves: no compiler, no make, no Python. */
const plain = join(root, 'plain');
mkdirSync(plain);
for (const name of ['sh', 'env', 'uname', 'sed', 'dirname', 'basename', 'cat']) {
  const found = (process.env.PATH ?? '').split(delimiter).find((folder) => existsSync(join(folder, name)));
  if (found) symlinkSync(join(found, name), join(plain, name));
}

interface Ran {
  readonly code: number | null;
  readonly output: string;
}

function run(cwd: string, path: readonly string[], [command, ...args]: readonly string[]): Ran {
  const env: NodeJS.ProcessEnv = { ...process.env, PATH: path.join(delimiter), NO_COLOR: '1', ...SKIPPED };
  // What the npm that started this hands on is for its own version.
  for (const name of Object.keys(env)) if (/^npm_/i.test(name) && !/registry/i.test(name)) delete env[name];
  const { status, stdout, stderr, error } = spawnSync(command!, args, {
    cwd,
    env,
    encoding: 'utf8',
    timeout: 600_000,
  });
  return { code: status, output: `${stdout}${stderr}${error ? error.message : ''}` };
}

function pack(): string {
  const tarball = packPackage(root);
  const brought = existsSync('prebuilds') ? readdirSync('prebuilds') : [];
  const megabytes = (statSync(tarball).size / 1e6).toFixed(2);
  console.log(
    `${basename(tarball)}: ${megabytes} MB, with ${brought.join(', ') || 'no addon: npm run prebuilds'}\n`,
  );
  return tarball;
}

const programs = programsIn(root);

function attempt(way: Way, tarball: string): { row: string; ok: boolean } {
  const path = [...programs(way.packages), plain];
  const folder = join(root, way.name.replace(/\W+/g, '-'));
  mkdirSync(folder);
  const files = { 'package.json': '{ "name": "empty", "type": "module" }', 'train.js': SCRIPT, ...way.files };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const tried: string[] = [];
  const step = (words: readonly string[]): Ran => {
    const ran = run(folder, path, words);
    tried.push(`$ ${words.join(' ')}`, ran.output.trimEnd(), `(code ${ran.code})`, '');
    return ran;
  };
  const versions = [...new Set([way.install[0]!, way.run[0]!])].map(
    (name) =>
      `${name} ${step([name, '--version'])
        .output.trim()
        .split('\n')[0]!
        .replace(/^v|^deno /, '')
        .replace(/ \(.*$/, '')}`,
  );
  const installed = step(way.install.map((word) => word.replace('TARBALL', tarball)));
  const trained = step([...way.run, 'train.js']);
  const failed = (way.also ?? []).find(
    (words) => step(words.map((word) => word.replace('TARBALL', tarball))).code !== 0,
  );
  const log = join(logs, `${way.name.replace(/\W+/g, '-').toLowerCase()}.log`);
  writeFileSync(log, tried.join('\n'));
  const trains = trained.code === 0 && existsSync(join(folder, 'trained.onnx'));
  const ok = trains && failed === undefined && installed.code === (way.endsWith ?? 0);
  if (!ok) console.error(`${way.name}: see ${log}`);
  rmSync(folder, { recursive: true, force: true });
  const cells = [
    way.name,
    versions.join(', '),
    installed.code === 0 ? 'yes' : `ends with code ${installed.code}`,
    warnings(installed.output),
    trains ? trained.output.trim().split('\n').at(-1) : lastLines(trained.output),
    failed ? `no: ${failed.join(' ')}` : way.also ? 'yes' : '',
  ];
  return { row: `| ${cells.join(' | ')} |`, ok };
}

/** How many warnings of the package manager are in what an installation said: what npm says in several lines is one. */
function warnings(output: string): string {
  const found = output
    .split('\n')
    .filter((line) => /\bwarn(ing)?\b/i.test(line) && !OF_THE_MACHINE.test(line));
  const subjects = found.map((line) => /^npm warn ([a-z][\w-]+)(?= |$)/.exec(line)?.[1] ?? line);
  return new Set(subjects).size === 0 ? 'none' : String(new Set(subjects).size);
}

/** Of settings that npm finds in a user's own files. */
const OF_THE_MACHINE = /Unknown (user|global|env) config/;

const lastLines = (output: string) => `no: ${output.trim().split('\n').slice(0, 2).join(' ').slice(0, 160)}`;

const filter = new RegExp(process.argv[2] ?? '');
const tarball = pack();
console.log(
  '| way | versions | installs | warnings | trains and saves | the first minute |\n|---|---|---|---|---|---|',
);
for (const way of WAYS.filter(({ name }) => filter.test(name))) {
  const { row, ok } = attempt(way, tarball);
  console.log(row);
  if (!ok) process.exitCode = 1;
}
