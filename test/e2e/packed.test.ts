import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { filterProblems } from '@arethetypeswrong/core/problems';
import type { ResolutionKind } from '@arethetypeswrong/core/types';
import test from 'ava';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { type Project, packedProject, REPOSITORY, runNode } from './packed.js';

let project: Project;
test.before(async () => {
  project = await packedProject();
});
test.after.always(() => project?.dispose());

const number = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1]);

/** By example: whether what it prints proves that it worked. */
const proofs: Readonly<Record<string, (output: string) => boolean>> = {
  'own-optimizer': (output) =>
    output.includes('"optimizer":"sign-sam"') && number(output, /test accuracy: ([\d.]+) %/) > 90,
  'own-measure': (output) =>
    number(output, /sam: flat radius ([\d.]+)/) > number(output, /sgd: flat radius ([\d.]+)/),
  'own-loss': (output) =>
    number(output, /→ ([\d.]+)/) < 0.3 && number(output, /test accuracy: ([\d.]+) %/) > 90,
  'own-data': (output) => number(output, /spirals: ([\d.]+) %/) > 95,
};

test('each example of one’s own parts is run here', async (t) => {
  const examples = await readdir(join(REPOSITORY, 'examples'));
  t.deepEqual(examples.filter((name) => name.startsWith('own-')).sort(), Object.keys(proofs).sort());
});

/** As a user's project is compiled; declarations of the package and of its dependencies are checked with it. */
const tsc = (...args: string[]) =>
  runNode(
    project.folder,
    join(REPOSITORY, 'node_modules/typescript/bin/tsc'),
    ...['--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node', ...args],
  );

test.serial('the examples compile against the packed package, and work', async (t) => {
  const names = Object.keys(proofs);
  for (const name of names)
    await cp(join(REPOSITORY, 'examples', name), join(project.folder, name), { recursive: true });
  const compiled = await tsc(...names.map((name) => `${name}/main.ts`));
  t.is(compiled.code, 0, compiled.output);
  for (const [name, proves] of Object.entries(proofs)) {
    const { code, output } = await runNode(project.folder, `${name}/main.js`);
    t.is(code, 0, `${name}: ${output}`);
    t.true(proves(output), `${name}: ${output}`);
  }
});

test.serial('a project of flatmin init compiles against the packed package, and trains', async (t) => {
  const made = await runNode(project.folder, 'node_modules/flatmin/bin/flatmin.js', 'init', 'mine');
  t.is(made.code, 0, made.output);
  const mine = join(project.folder, 'mine');
  t.deepEqual((await readdir(mine)).sort(), [
    '.gitignore',
    'README.md',
    'package.json',
    'pnpm-workspace.yaml',
    'train.ts',
    'tsconfig.json',
  ]);
  const compiled = await runNode(mine, join(REPOSITORY, 'node_modules/typescript/bin/tsc'));
  t.is(compiled.code, 0, compiled.output);
  const { scripts } = JSON.parse(await readFile(join(mine, 'package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  t.is(scripts.start, 'tsc && node dist/train.js');
  const { code, output } = await runNode(mine, 'dist/train.js');
  t.is(code, 0, output);
  t.true(number(output, /^([\d.]+) % of 200 test rows are right/m) > 95, output);
  const model = 'trained.onnx';
  const inspected = await runNode(mine, '../node_modules/flatmin/bin/flatmin.js', 'inspect', model);
  t.is(inspected.code, 0, inspected.output);
});

test.serial('what is internal cannot be imported, neither to run nor by its types', async (t) => {
  const internal = 'flatmin/dist/src/vectors/arena.js';
  const { code, output } = await runNode(
    project.folder,
    '--input-type=module',
    '--eval',
    `await import('${internal}')`,
  );
  t.not(code, 0);
  t.regex(output, /ERR_PACKAGE_PATH_NOT_EXPORTED/);
  await writeFile(
    join(project.folder, 'internal.ts'),
    `import { Arena } from '${internal}';\nnew Arena([]);\n`,
  );
  const compiled = await tsc('internal.ts');
  t.not(compiled.code, 0);
  t.regex(compiled.output, /TS2307/);
});

test.serial('publint finds nothing wrong in the package', async (t) => {
  const { buffer: tarball } = new Uint8Array(await readFile(project.tarball));
  const { messages, pkg } = await publint({ pack: { tarball }, level: 'warning', strict: true });
  t.deepEqual(
    messages.map((message) => formatMessage(message, pkg)),
    [],
  );
});

/** How a package of ES modules alone is imported: attw's profile esm-only. */
const esm: readonly ResolutionKind[] = ['node16-esm', 'bundler'];

test.serial('attw finds the types of every entry of the package right', async (t) => {
  const analysis = await checkPackage(createPackageFromTarballData(await readFile(project.tarball)));
  if (!analysis.types) return t.fail('it found no types');
  t.deepEqual(
    esm.flatMap((resolutionKind) => filterProblems(analysis, { resolutionKind })),
    [],
  );
  const { exports } = JSON.parse(await readFile(join(REPOSITORY, 'package.json'), 'utf8')) as {
    exports: object;
  };
  t.deepEqual(Object.keys(analysis.entrypoints), Object.keys(exports));
});
