import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type ErrorCode, FlatminError } from '../../../src/errors.js';
import { folderOf, runtimesFolder } from '../../../src/ort/installed.js';
import { openRuntime } from '../../../src/ort/library.js';
import { installRuntime } from '../../../src/provision/install.js';
import { listRuntimes } from '../../../src/provision/list.js';
import {
  classifier,
  jarAround,
  LIBRARY,
  stockLibrary,
  temporaryFolder,
  trainingLibrary,
  writeJar,
} from './jars.js';

/** A cache of the test's own; the tests run one after another. */
function ownCache(t: ExecutionContext): string {
  const folder = temporaryFolder(t);
  process.env.FLATMIN_CACHE = folder;
  delete process.env.FLATMIN_RUNTIME;
  return folder;
}

async function refused(t: ExecutionContext, from: string, code: ErrorCode, message: RegExp): Promise<void> {
  const error = await t.throwsAsync(installRuntime({ from }), { instanceOf: FlatminError, message });
  t.is(error?.code, code);
  t.deepEqual(readdirSync(runtimesFolder()), [], 'nothing is left behind');
}

test.serial('a library that is none is refused, and nothing is left behind', async (t) => {
  const folder = ownCache(t);
  const jar = writeJar(folder, { [LIBRARY]: 'no library' });
  await refused(t, jar, 'RUNTIME', /What .*\.jar holds does not run here: /);
});

test.serial('another release is refused: the stock runtime', async (t) => {
  const jar = jarAround(ownCache(t), stockLibrary);
  await refused(
    t,
    jar,
    'INVALID_DATA',
    /holds ONNX Runtime 1\.30\.\d+, but the training build of 1\.28\.0 is wanted/,
  );
});

test.serial('--gpu refuses a build without CUDA', async (t) => {
  const jar = writeJar(ownCache(t), { [LIBRARY]: 'x' });
  await t.throwsAsync(installRuntime({ from: jar, gpu: true }), {
    instanceOf: FlatminError,
    message: /is the build without CUDA|no training build/,
  });
});

test.serial('a cache that cannot be written is named, with what names another', async (t) => {
  const file = join(ownCache(t), 'file');
  writeFileSync(file, '');
  process.env.FLATMIN_CACHE = file;
  const error = await t.throwsAsync(installRuntime({ from: 'any.jar' }), {
    instanceOf: FlatminError,
    message: /Nothing can be installed in .*file.runtimes: .*FLATMIN_CACHE names another cache folder/,
  });
  t.is(error?.code, 'RUNTIME');
});

test.serial('a stop leaves nothing behind', async (t) => {
  const jar = jarAround(ownCache(t), stockLibrary);
  for (const stage of ['Unpacking', 'Checking']) {
    const controller = new AbortController();
    const onProgress = (line: string) => line.startsWith(stage) && setImmediate(() => controller.abort());
    const error = await t.throwsAsync(installRuntime({ from: jar, signal: controller.signal, onProgress }), {
      instanceOf: FlatminError,
    });
    t.is(error?.code, 'INTERRUPTED', stage);
    t.deepEqual(readdirSync(runtimesFolder()), []);
  }
});

test.serial('what a killed installation left a day ago is removed, not what is under way', async (t) => {
  const jar = writeJar(ownCache(t), { [LIBRARY]: 'no library' });
  const [old, current] = ['.installing-old', '.installing-now'].map((name) => join(runtimesFolder(), name));
  for (const each of [old!, current!]) mkdirSync(each, { recursive: true });
  const twoDaysAgo = Date.now() / 1000 - 2 * 86_400;
  utimesSync(old!, twoDaysAgo, twoDaysAgo);
  await t.throwsAsync(installRuntime({ from: jar }));
  t.deepEqual(readdirSync(runtimesFolder()), ['.installing-now']);
});

const withTraining = trainingLibrary ? test.serial : test.serial.skip;

withTraining('a jar of the training build is installed once, and is then the default', async (t) => {
  const jar = jarAround(ownCache(t), trainingLibrary!);
  const first = await installRuntime({ from: jar });
  t.true(first.isNew);
  t.is(first.runtime.folder, folderOf(classifier));
  t.is(first.runtime.version, '1.28.0');
  t.is(first.runtime.source, jar);
  t.is(openRuntime().path, first.runtime.path);
  t.is(openRuntime('training').kind, 'training');
  t.deepEqual(
    listRuntimes().map(({ name, defaultOn }) => [name, defaultOn]),
    [
      ['stock', []],
      ['training', ['cpu']],
    ],
  );
  t.false((await installRuntime({ from: jar })).isNew);
  t.false((await installRuntime()).isNew, 'Maven is not asked for what is there');
});

withTraining('a folder and a path of the training build are installed too', async (t) => {
  for (const from of [trainingLibrary!, dirname(trainingLibrary!)]) {
    ownCache(t);
    const { runtime, isNew } = await installRuntime({ from });
    t.true(isNew);
    t.is(openRuntime('training').path, runtime.path);
  }
});

withTraining('a damaged installation is replaced', async (t) => {
  const jar = jarAround(ownCache(t), trainingLibrary!);
  const { runtime } = await installRuntime({ from: jar });
  writeFileSync(runtime.path, 'damaged');
  t.true((await installRuntime({ from: jar })).isNew);
  t.is(openRuntime('training').version, '1.28.0');
  t.deepEqual(readdirSync(runtimesFolder()).length, 1);
});

withTraining('installations at the same time end with one', async (t) => {
  const jar = jarAround(ownCache(t), trainingLibrary!);
  const results = await Promise.all([1, 2, 3].map(() => installRuntime({ from: jar })));
  for (const { runtime } of results) t.true(existsSync(runtime.path));
  t.deepEqual(readdirSync(runtimesFolder()), [folderOf(classifier).slice(runtimesFolder().length + 1)]);
});

if (!trainingLibrary)
  test('installing the training build itself', (t) => {
    t.log('Skipped: FLATMIN_TRAINING_RUNTIME does not name a libonnxruntime of the training build.');
    t.pass();
  });
