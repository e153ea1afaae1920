import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';

const repository = new URL('../../../', import.meta.url).pathname;
const config = '.dependency-cruiser.mjs';
const command = join(repository, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');

interface Cruise {
  modules: { source: string; dependencies: { resolved: string }[] }[];
  summary: { violations: { from: string; to: string; rule: { name: string } }[] };
}

/** What `npm run flow` sees in a folder, as JSON; the exit status of that output is always 0. */
async function cruise(folder: string): Promise<Cruise> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [command, '--config', config, '--output-type', 'json', 'src'],
    { cwd: folder, maxBuffer: 2 ** 26 },
  );
  return JSON.parse(stdout) as Cruise;
}

const shown = ({ summary }: Cruise): string[] =>
  summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`).sort();

test('imports in src follow the flow', async (t) => {
  const found = await cruise(repository);
  t.deepEqual(shown(found), []);
  const edge = found.modules
    .find(({ source }) => source === 'src/onnx/model.ts')
    ?.dependencies.find(({ resolved }) => resolved === 'src/formats/atomic.ts');
  t.truthy(edge, 'the check does not see src/onnx/model.ts → src/formats/atomic.ts');
});

/** [rule, importing file, what it imports, file that this is]: one violation each. The flow rules and cycles are tried with type-only imports. */
const violations = [
  ['flow-below', 'errors.ts', './onnx/a.js', 'src/onnx/a.ts'],
  ['flow-below', 'package-file.ts', './errors.js', 'src/errors.ts'],
  ['flow-formats', 'formats/a.ts', '../onnx/a.js', 'src/onnx/a.ts'],
  ['flow-metrics', 'metrics/a.ts', '../options/a.js', 'src/options/a.ts'],
  ['flow-options', 'options/a.ts', '../onnx/a.js', 'src/onnx/a.ts'],
  ['flow-addon', 'addon/a.ts', '../onnx/a.js', 'src/onnx/a.ts'],
  ['flow-group', 'group/a.ts', '../onnx/a.js', 'src/onnx/a.ts'],
  ['flow-hub', 'hub/a.ts', '../onnx/a.js', 'src/onnx/a.ts'],
  ['flow-data', 'data/a.ts', '../report/a.js', 'src/report/a.ts'],
  ['flow-onnx', 'onnx/a.ts', '../ort/a.js', 'src/ort/a.ts'],
  ['flow-vectors', 'vectors/a.ts', '../onnx/a.js', 'src/onnx/a.ts'],
  ['flow-releases', 'releases/a.ts', '../ort/a.js', 'src/ort/a.ts'],
  ['flow-ort', 'ort/a.ts', '../losses/a.js', 'src/losses/a.ts'],
  ['flow-autodiff', 'autodiff/a.ts', '../lowering/a.js', 'src/lowering/a.ts'],
  ['flow-losses', 'losses/a.ts', '../models/a.js', 'src/models/a.ts'],
  ['flow-lowering', 'lowering/a.ts', '../ort/a.js', 'src/ort/a.ts'],
  ['flow-models', 'models/a.ts', '../optim/a.js', 'src/optim/a.ts'],
  ['flow-capabilities', 'capabilities/a.ts', '../vectors/a.js', 'src/vectors/a.ts'],
  ['flow-provision', 'provision/a.ts', '../run/a.js', 'src/run/a.ts'],
  ['flow-compile', 'compile/a.ts', '../session/a.js', 'src/session/a.ts'],
  ['flow-optim', 'optim/a.ts', '../cli/a.js', 'src/cli/a.ts'],
  ['flow-sharpness', 'sharpness/a.ts', '../optim/a.js', 'src/optim/a.ts'],
  ['flow-landscape', 'landscape/a.ts', '../optim/a.js', 'src/optim/a.ts'],
  ['flow-session', 'session/a.ts', '../data/a.js', 'src/data/a.ts'],
  ['flow-settings', 'settings/a.ts', '../session/a.js', 'src/session/a.ts'],
  ['flow-run', 'run/a.ts', '../study/a.js', 'src/study/a.ts'],
  ['flow-study', 'study/a.ts', '../experiment/a.js', 'src/experiment/a.ts'],
  ['flow-experiment', 'experiment/a.ts', '../optim/a.js', 'src/optim/a.ts'],
  ['flow-report', 'report/a.ts', '../run/a.js', 'src/run/a.ts'],
  ['flow-bench', 'bench/a.ts', '../study/a.js', 'src/study/a.ts'],
  ['flow-exports', 'exports/a.ts', '../cli/a.js', 'src/cli/a.ts'],
  ['flow-cli', 'cli/d.ts', '../index.js', 'src/index.ts'],
  ['flow-index', 'index.ts', './cli/a.js', 'src/cli/a.ts'],
  ['flow-known-folders', 'elsewhere/a.ts', '../run/a.js', 'src/run/a.ts'],
  ['addon-behind-its-doors', 'session/b.ts', '../addon/addon.js', 'src/addon/addon.ts'],
  ['no-cycles', 'cli/b.ts', './c.js', 'src/cli/c.ts'],
  ['only-listed-packages', 'run/c.ts', 'for-development', 'node_modules/for-development/index.js'],
  ['optional-packages-when-needed', 'run/e.ts', 'when-wished', 'node_modules/when-wished/index.js'],
  ['resolvable', 'run/d.ts', './missing.js', './missing.js'],
] as const;

test('every kind of import against the flow is reported', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'flatmin-flow-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  };
  for (const file of [config, 'tsconfig.json']) await cp(join(repository, file), join(folder, file));
  await write(
    'package.json',
    JSON.stringify({
      type: 'module',
      devDependencies: { 'for-development': '1.0.0' },
      optionalDependencies: { 'when-wished': '1.0.0' },
    }),
  );
  for (const name of ['for-development', 'when-wished']) {
    await write(`node_modules/${name}/package.json`, JSON.stringify({ name }));
    await write(`node_modules/${name}/index.js`, '');
  }
  await write('src/cli/a.ts', 'export type A = 1;\n');
  await write('src/cli/c.ts', "export type { A } from './b.js';\n");
  await write('src/addon/addon.ts', 'export const A = 1;\n');
  await write('src/onnx/alone.ts', 'export type A = 1;\n');
  for (const [rule, from, specifier] of violations) {
    const typeOnly = rule.startsWith('flow') || rule === 'no-cycles';
    await write(
      `src/${from}`,
      `import ${typeOnly ? 'type ' : ''}{ A } from '${specifier}';\nexport const a: A = A;\n`,
    );
  }
  const { default: rules } = (await import(join(repository, config))) as {
    default: { forbidden: { name: string }[] };
  };
  const tried = new Set<string>(['no-orphans', ...violations.map(([rule]) => rule)]);
  t.deepEqual(
    rules.forbidden.map(({ name }) => name).filter((name) => !tried.has(name)),
    [],
    'rules without a violation here',
  );
  const expected = [
    ...violations.map(([rule, from, , to]) => `${rule}: src/${from} → ${to}`),
    'no-orphans: src/onnx/alone.ts → src/onnx/alone.ts',
  ];
  t.deepEqual(shown(await cruise(folder)), expected.sort());
});
