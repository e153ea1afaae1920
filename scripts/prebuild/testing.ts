import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { prebuilt } from '../../src/addon/load.js';
import type { Trial } from './loading.js';
import type { Runner } from './runners.js';

/** Tests of the addon: random numbers, vector programs, kernels as ops of ONNX Runtime, sessions. */
const TESTS = [
  ...[
    'attention',
    'binding',
    'conv-kernels',
    'device-buffer',
    'kernel-shapes',
    'philox',
    'region',
    'region-functions',
    'region-ops',
    'session',
  ].map((name) => `dist/test/native/${name}.test.js`),
  'dist/test/unit/vectors/vector-program.test.js',
  'dist/test/unit/vectors/cpu-device.test.js',
];
/** What FLATMIN_ISA may say on a processor. */
const forms: Readonly<Record<string, readonly string[]>> = {
  x64: ['avx512', 'avx2', 'generic'],
  arm64: ['generic'],
};

/** Runs the tests of the addon on a prebuilt one, in each of its forms. */
export function tryTests(platform: string, runner: Runner, folder: string): Trial {
  const root = tree(platform, folder);
  const [command, ...args] = [...runner.node, resolve('node_modules/ava/entrypoints/cli.mjs')];
  const asked = forms[platform.split('-')[1]!]!;
  for (const form of asked) {
    const { status, stdout } = spawnSync(
      command!,
      [...args, '--timeout', '60m', '--concurrency', '1', ...TESTS],
      {
        cwd: root,
        env: {
          ...process.env,
          ...runner.env,
          FLATMIN_ISA: form,
          FLATMIN_CACHE: join(root, 'cache'),
          NO_COLOR: '1',
        },
        stdio: ['ignore', 'pipe', 'inherit'],
        encoding: 'utf8',
        maxBuffer: 2 ** 26,
      },
    );
    if (status !== 0) return { failed: true, told: `tests fail${runner.told}, kernels ${form}:\n${stdout}` };
  }
  return { failed: false, told: `tests pass${asked.length > 1 ? ` (${asked.join(', ')})` : ''}` };
}

/** The package with no addon but the prebuilt one. */
function tree(platform: string, folder: string): string {
  const root = join(folder, `tree-${platform}`);
  rmSync(root, { recursive: true, force: true });
  mkdirSync(join(root, 'prebuilds'), { recursive: true });
  for (const name of ['dist', 'package.json', 'data', prebuilt(platform)])
    cpSync(name, join(root, name), { recursive: true });
  symlinkSync(resolve('node_modules'), join(root, 'node_modules'));
  return root;
}
