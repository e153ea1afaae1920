import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { packageFile, packageVersion } from '../../src/package-file.js';

test('files of the package are there', (t) => {
  for (const path of [
    'package.json',
    'native/cuda/kernels/common.cu',
    'data/digits/digits.csv.gz',
    'src/bench/torch/torch_step.py',
    'src/bench/torch/model_step.py',
    'src/bench/torch/zoo.py',
    'templates/project/train.ts',
  ])
    t.true(existsSync(packageFile(path)), path);
  t.regex(packageVersion(), /^\d+\.\d+\.\d+/);
});

test('a package may be installed in a folder with spaces and other characters', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'flat min%20ä-'));
  t.teardown(() => rm(root, { recursive: true }));
  await mkdir(join(root, 'dist/src'), { recursive: true });
  await writeFile(join(root, 'package.json'), '{"type": "module", "version": "9.8.7"}');
  const copy = join(root, 'dist/src/package-file.js');
  await cp(packageFile('dist/src/package-file.js'), copy);
  const there = (await import(pathToFileURL(copy).href)) as typeof import('../../src/package-file.js');
  t.is(there.packageFile('a/b.txt'), join(root, 'a/b.txt'));
  t.is(there.packageVersion(), '9.8.7');
});
