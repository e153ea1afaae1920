import { copyFileSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { readCached, writeCached } from '../../../src/capabilities/cache.js';
import { capabilitiesOf, listedCapabilities } from '../../../src/capabilities/capabilities-of.js';
import { stockCpu, trainingCpu, trainingCuda } from '../../../src/capabilities/tables.js';
import { openRuntime, type Runtime } from '../../../src/ort/library.js';
import { temporaryFolder } from '../../e2e/run-cli.js';

const stock = openRuntime('stock');

/** The stock library under another path, as a user's own. */
function other(folder: string): Runtime {
  const path = join(folder, 'libonnxruntime.so.1');
  symlinkSync(stock.path, path);
  return { ...stock, path, kind: 'other' };
}

test.serial('an unknown library is probed once, and known from the cache folder after that', async (t) => {
  const folder = temporaryFolder(t);
  process.env.FLATMIN_CACHE = join(folder, 'cache');
  const runtime = other(folder);
  t.is(readCached(runtime, 'cpu'), undefined);
  const found = await capabilitiesOf(runtime, 'cpu');
  t.deepEqual(found.kernels, {});
  t.is(readdirSync(join(folder, 'cache', 'capabilities')).length, 1);
  t.deepEqual(readCached(runtime, 'cpu')?.kernels, {});
  t.is(readCached(runtime, 'cuda'), undefined, 'another device is another table');
});

test.serial('a library that has changed is unknown again', (t) => {
  const folder = temporaryFolder(t);
  process.env.FLATMIN_CACHE = join(folder, 'cache');
  const path = join(folder, 'libonnxruntime.so.1');
  copyFileSync(process.execPath, path);
  const runtime: Runtime = { ...stock, path, kind: 'other' };
  writeCached(runtime, 'cpu', { ...trainingCpu, failures: [] });
  t.deepEqual(readCached(runtime, 'cpu')?.kernels, trainingCpu.kernels);
  utimesSync(path, 1, 1);
  t.is(readCached(runtime, 'cpu'), undefined);
});

test.serial('a cache that is damaged or cannot be written costs the probing alone', async (t) => {
  const folder = temporaryFolder(t);
  const runtime = other(folder);
  process.env.FLATMIN_CACHE = join(folder, 'cache');
  writeCached(runtime, 'cpu', { ...stockCpu, failures: [] });
  const [file] = readdirSync(join(folder, 'cache', 'capabilities'));
  for (const text of [
    '{',
    '{}',
    '{"device":"cpu","kernels":{"a":["int"]},"failures":[],"runningVariance":"unbiased"}',
  ]) {
    writeFileSync(join(folder, 'cache', 'capabilities', file!), text);
    t.is(readCached(runtime, 'cpu'), undefined, text);
  }
  process.env.FLATMIN_CACHE = join(runtime.path, 'not-a-folder');
  t.deepEqual((await capabilitiesOf(runtime, 'cpu')).kernels, {});
});

test('the runtimes that flatmin installs are known without probing', (t) => {
  const training: Runtime = { ...stock, version: '1.28.0', kind: 'training' };
  t.is(listedCapabilities(stock, 'cpu'), stockCpu);
  t.is(listedCapabilities(training, 'cpu'), trainingCpu);
  t.is(listedCapabilities(training, 'cuda:1'), trainingCuda);
  t.is(listedCapabilities({ ...training, version: '1.29.0' }, 'cpu'), undefined);
  t.is(listedCapabilities({ ...training, kind: 'other' }, 'cpu'), undefined);
});
