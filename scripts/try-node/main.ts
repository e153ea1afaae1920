import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { programsIn } from '../try-package/programs.js';

/**
 * Runs the demo and the main tests of this built clone on other versions of Node: node dist/scripts/try-node/main.js [VERSION...]. Prints a
 * table in Markdown, and writes what each version said into build/try-node; ends with code 1 where one fails. Run from the repository root.
 */
const VERSIONS = ['20', '22', '24', '26'];

/** The addon, sessions, optimizers, data, runs and their folders; what begins with the first minute of the command line. */
const TESTS = [
  'dist/test/native/**/*.test.js',
  'dist/test/unit/{addon,cli,compile,data,formats,group,losses,onnx,optim,ort,run,session,settings,vectors}/**/*.test.js',
  'dist/test/e2e/{evaluate,first-minute,packed,resume,train}.test.js',
];

const logs = resolve('build/try-node');
mkdirSync(logs, { recursive: true });
const root = mkdtempSync(join(tmpdir(), 'flatmin-nodes-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true }));
const programs = programsIn(root);

console.log('| Node | demo | tests |\n|---|---|---|');
for (const version of process.argv.length > 2 ? process.argv.slice(2) : VERSIONS) {
  const path = [...programs([`node@${version}`]), process.env.PATH].join(delimiter);
  const log = join(logs, `node-${version}.log`);
  writeFileSync(log, '');
  const step = (...words: readonly string[]): { readonly code: number | null; readonly output: string } => {
    // Into a file, which tells how far it has come.
    const before = readFileSync(log, 'utf8').length;
    const file = openSync(log, 'a');
    const { status } = spawnSync('node', words, {
      env: { ...process.env, PATH: path, NO_COLOR: '1' },
      stdio: ['ignore', file, file],
    });
    closeSync(file);
    return { code: status, output: readFileSync(log, 'utf8').slice(before) };
  };
  const told = step('--version').output.trim().replace(/^v/, '');
  const demo = step('bin/flatmin.js', 'demo', '--out', join(root, `demo-${version}`));
  const tests = step('node_modules/ava/entrypoints/cli.mjs', ...TESTS);
  const counts =
    tests.output.match(/^ *\d+ .*(passed|failed|skipped|exceptions?|rejections?|timed out).*$/gm) ?? [];
  const cells = [
    told,
    demo.code === 0 ? 'yes' : `ends with code ${demo.code}`,
    counts.map((each) => each.trim()).join(', '),
  ];
  console.log(`| ${cells.join(' | ')} |`);
  if (demo.code !== 0 || tests.code !== 0) {
    console.error(`Node ${told}: see ${log}`);
    process.exitCode = 1;
  }
}
