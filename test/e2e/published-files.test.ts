import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { stagePackage } from '../../scripts/package/stage.js';
import { LARGEST } from '../../scripts/prebuild/targets.js';
import { REPOSITORY } from './packed.js';

interface Packed {
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

const run = promisify(execFile);
let folder: string;
const npm = (...args: string[]) => run('npm', args, { cwd: folder, maxBuffer: 2 ** 26 });

let files: Packed['files'];
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flatmin-published-'));
  stagePackage(REPOSITORY, folder);
  const { stdout } = await npm('pack', '--dry-run', '--json');
  [{ files }] = JSON.parse(stdout) as [Packed];
});
test.after.always(() => rm(folder, { recursive: true }));

/** What is published, by where it lies: every file is of one of these, and each of these has files. */
const WANTED = {
  'what npm shows': /^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/,
  'the command': /^bin\/flatmin\.js$/,
  'compiled code and its types': /^dist\/src\/.+\.(js|d\.ts)$/,
  'the addon, to be compiled': /^native\/(binding\.gyp|.+\.(cc|h|def|md))$/,
  'sources that CUDA compiles as they are needed': /^native\/cuda\/kernels\/\w+\.cu$/,
  'the digits': /^data\/digits\/(README\.md|digits\.csv\.gz)$/,
  'what PyTorch runs': /^src\/bench\/torch\/\w+\.py$/,
  'what flatmin init writes': /^templates\/project\/[\w.-]+$/,
};

/** Made for a release alone, by `npm run prebuilds`. */
const PREBUILT = /^prebuilds\/[\w-]+\/flatmin\.node$/;

test('what is published is exactly what users need', (t) => {
  const paths = files.map(({ path }) => path);
  t.deepEqual(
    paths.filter((path) => ![...Object.values(WANTED), PREBUILT].some((pattern) => pattern.test(path))),
    [],
    'no rule wants these',
  );
  for (const [name, pattern] of Object.entries(WANTED))
    t.true(
      paths.some((path) => pattern.test(path)),
      name,
    );
  for (const path of ['README.md', 'LICENSE', 'CHANGELOG.md', 'package.json'])
    t.true(paths.includes(path), path);
});

/** Bytes of a platform on a user's disk, without dependencies and the addons of other platforms (docs/publishing.md). */
const BUDGET = 5e6;

test('the package is within its size budget', (t) => {
  const rest = files.filter(({ path }) => !PREBUILT.test(path)).reduce((sum, { size }) => sum + size, 0);
  // A clone has no addons of a release: what they may take is kept free.
  t.true(rest + LARGEST < BUDGET, `${rest} bytes, and ${LARGEST} for an addon`);
  for (const { path, size } of files.filter(({ path }) => PREBUILT.test(path)))
    t.true(size <= LARGEST, `${path}: ${size} bytes`);
});

test('declarations and C++ are those of the repository, indented by tabs', async (t) => {
  const indented = files.map(({ path }) => path).filter((path) => /\.(d\.ts|cc|h)$/.test(path));
  t.true(indented.length > 100);
  for (const path of indented) {
    const packed = await readFile(join(folder, path), 'utf8');
    const own = await readFile(join(REPOSITORY, path), 'utf8');
    const width = path.endsWith('.d.ts') ? '    ' : '  ';
    const spaces = packed.replace(/^\t+/gm, (tabs) => tabs.replaceAll('\t', width));
    t.true(spaces === own, path);
    t.false(own.includes('R"'), `${path}: a raw string could lose its spaces`);
  }
});

/** Said of this machine and its user, not of the package. */
const NOT_OF_THE_PACKAGE = /requires you to be logged in|Unknown (user|global|env) config/;

test('npm corrects nothing in package.json when it publishes', async (t) => {
  const { stderr } = await npm('publish', '--dry-run', '--offline', '--tag', 'test');
  t.deepEqual(
    stderr.split('\n').filter((line) => /^npm (warn|error)/.test(line) && !NOT_OF_THE_PACKAGE.test(line)),
    [],
  );
});
