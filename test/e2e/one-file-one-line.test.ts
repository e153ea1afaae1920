import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import ts from 'typescript';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** A copy of the built package, in which a new file and one line of a registry are all that is added. */
async function packageWith(
  t: ExecutionContext,
  { file, text, registry, line }: { file: string; text: string; registry: string; line: [string, string] },
): Promise<(...args: string[]) => Promise<string>> {
  const folder = await mkdtemp(join(tmpdir(), 'flatmin-one-file-'));
  t.teardown(() => rm(folder, { recursive: true }));
  for (const part of ['dist/src', 'dist/scripts', 'bin', 'package.json', 'src/optim'])
    await cp(join(root, part), join(folder, part), { recursive: true });
  for (const part of ['node_modules', 'build', 'data']) await symlink(join(root, part), join(folder, part));
  const write = async (path: string, source: string) => {
    const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
    const compiled = join(folder, 'dist', path.replace(/\.ts$/, '.js'));
    await writeFile(compiled, ts.transpileModule(source, { compilerOptions: options }).outputText);
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), source);
  };
  await write(file, text);
  const source = await readFile(join(root, registry), 'utf8');
  const name = /export const (\w+) =/.exec(text)![1]!;
  const changed = `import { ${name} } from './${file.split('/').at(-1)!.replace('.ts', '.js')}';\n${source.replace(...line)}`;
  t.not(source.replace(...line), source, `${registry} has no ${line[0]}`);
  await write(registry, changed);
  return async (...args) => {
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder, maxBuffer: 2 ** 24 });
    return stdout;
  };
}

const RUN = ['--model', 'mlp-8', '--epochs', '1', '--batch', '256', '--train-samples', '512', '--quiet'];

test('an optimizer is one file and one line', async (t) => {
  const run = await packageWith(t, {
    file: 'src/optim/toy.ts',
    registry: 'src/optim/index.ts',
    line: ['[sgd, ', '[toy, sgd, '],
    text: `
import { option } from '../options/option.js';
import { positive } from '../options/values.js';
import { SGD } from './sgd.js';
import { SAM } from './sam.js';
import { wrapper } from './toolkit/declare.js';
import { perturbedSettings } from './toolkit/sharpness-aware.js';

/** SAM whose radius is as many times ρ (A Toy 2026, Eq. 1). */
export class Toy extends SAM {}

export const toy = wrapper({
  name: 'toy',
  step: 'g at w + kρ g/‖g‖',
  gradients: '2',
  settings: { ...perturbedSettings, toyFactor: option(positive, { symbol: 'κ', help: 'times the radius', default: 3 }) },
  build: ({ rho, toyFactor }, base) => new Toy(base, { rho: typeof rho === 'number' ? rho * toyFactor : rho }),
});
`,
  });
  t.regex(
    await run('bin/flatmin.js', 'train', '--help'),
    /"toy"[\s\S]*--toy-factor <κ> +toy: times the radius \(default: 3\)/,
  );
  const cli = (...args: string[]) => run('bin/flatmin.js', 'train', '--data', 'digits', ...RUN, ...args);
  await cli('--optimizer', 'toy', '--toy-factor', '2', '--out', 'run');
  const config = JSON.parse(await run('-p', "fs.readFileSync('run/config.json', 'utf8')"));
  t.like(config, { optimizer: 'toy', toyFactor: 2, rho: 0.05, base: 'sgd' });
  await t.throwsAsync(cli('--optimizer', 'toy', '--toy-factor', '0', '--out', 'bad'), {
    message: /toyFactor to be a positive number, but received 0/,
  });
  await t.throwsAsync(cli('--optimizer', 'sam', '--toy-factor', '2', '--out', 'bad'), {
    message: /sam has no "toyFactor"/,
  });
  t.regex(await cli('--compare', 'sgd,toy', '--out', 'both'), /toy/);
  const experiment = {
    name: 'toys',
    title: 'Toys',
    settings: { model: 'mlp-8', epochs: 1, batch: 256 },
    variants: [{ name: 'sgd' }, { name: 'toy', settings: { optimizer: 'toy', toyFactor: 4 } }],
    columns: [{ metric: 'accuracy', label: 'accuracy' }],
    scales: { tiny: { seeds: [0], data: ['digits'], settings: { trainSamples: 512 } } },
  };
  await run('-e', `fs.writeFileSync('toys.json', ${JSON.stringify(JSON.stringify(experiment))})`);
  const table = await run(
    'bin/flatmin.js',
    'experiment',
    'toys.json',
    '--scale',
    'tiny',
    '--out',
    'jobs',
    '--quiet',
  );
  t.regex(table, /toy/);
  const page = await run(
    '--input-type=module',
    '-e',
    "process.stdout.write(await (await import('./dist/scripts/optimizers-page.js')).optimizersPage())",
  );
  t.regex(page, /## toy\n\nSAM whose radius[\s\S]*`--toy-factor` \| κ \| times the radius \| 3/);
});

test('a data set is one file and one line', async (t) => {
  const run = await packageWith(t, {
    file: 'src/data/toy.ts',
    registry: 'src/data/open.ts',
    line: ['[digits, ', '[toy, digits, '],
    text: `
import { imagesInMemory } from './kind.js';
import { loadDigits } from './sets/digits.js';

export const toy = imagesInMemory({ name: 'toy', location: '', augment: 'cutout=2', load: loadDigits });
`,
  });
  t.regex(await run('bin/flatmin.js', 'train', '--help'), /--data <set> +toy, digits, cifar10:DIR/);
  await run('bin/flatmin.js', 'train', '--data', 'toy', ...RUN, '--out', 'run');
  const config = JSON.parse(await run('-p', "fs.readFileSync('run/config.json', 'utf8')"));
  t.like(config, { data: 'toy', augment: 'cutout=2' });
});

test('a measure is one file and one line', async (t) => {
  const run = await packageWith(t, {
    file: 'src/sharpness/toy.ts',
    registry: 'src/sharpness/index.ts',
    line: ['[\n', '[\n  toyMeasure,\n'],
    text: `
import { option } from '../options/option.js';
import { count } from '../options/values.js';
import { measureKind, figureOf } from './declare.js';

export const toyMeasure = measureKind({
  name: 'toy',
  options: { toySteps: option(count, { symbol: 'n', help: 'steps of toy', default: 2 }) },
  run: async ({ evaluations }, { toySteps }) => ({ value: toySteps * (await evaluations.loss()) }),
  value: figureOf,
  how: () => 'a toy',
});
`,
  });
  const help = await run('bin/flatmin.js', 'sharpness', '--help');
  t.regex(help, /some\s+of\s+toy,\s*ascent,[\s\S]*--toy-steps <n>\s+steps\s+of\s+toy \(default: 2\)/);
  await run('bin/flatmin.js', 'train', '--data', 'digits', ...RUN, '--out', 'run');
  const measured = ['sharpness', 'run', '--measures', 'toy,ascent', '--samples', '64', '--quiet'];
  t.regex(await run('bin/flatmin.js', ...measured, '--toy-steps', '3'), /toy [\s\S]*a toy[\s\S]*ascent/);
  const report = JSON.parse(await run('bin/flatmin.js', ...measured, '--json'));
  t.true(Math.abs(report.measures.toy.value - 2 * report.loss) < 1e-9);
  await t.throwsAsync(run('bin/flatmin.js', ...measured, '--toy-steps', '0'), {
    message: /toySteps to be a positive integer, but received 0/,
  });
  const experiment = {
    name: 'toys',
    title: 'Toys',
    settings: { model: 'mlp-8', epochs: 1, batch: 256 },
    sharpness: { measures: ['toy'], toySteps: 4, samples: 64 },
    variants: [{ name: 'sgd' }],
    columns: [{ metric: 'sharpness.toy', label: 'a toy' }],
    scales: { tiny: { seeds: [0], data: ['digits'], settings: { trainSamples: 512 } } },
  };
  await run('-e', `fs.writeFileSync('toys.json', ${JSON.stringify(JSON.stringify(experiment))})`);
  t.regex(await run('bin/flatmin.js', 'experiment', 'toys.json', '--out', 'jobs', '--quiet'), /a toy/);
});
