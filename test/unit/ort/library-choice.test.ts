import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { FlatminError } from '../../../src/errors.js';
import { cacheFolder } from '../../../src/formats/cache-folder.js';
import { classifierOf, folderOf } from '../../../src/ort/installed.js';
import { openRuntime } from '../../../src/ort/library.js';

const stock = openRuntime('stock').path;

function ownCache(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'flatmin-choice-'));
  process.env.FLATMIN_CACHE = folder;
  delete process.env.FLATMIN_RUNTIME;
  t.teardown(() => {
    rmSync(folder, { recursive: true });
    delete process.env.FLATMIN_CACHE;
    delete process.env.FLATMIN_RUNTIME;
  });
  return folder;
}

/** Puts the stock library where a build would be installed; returns its path. */
function pretendInstalled(build: 'cpu' | 'gpu', library = 'libonnxruntime.so.1'): string {
  const classifier = classifierOf(build)!;
  const folder = folderOf(classifier);
  mkdirSync(folder, { recursive: true });
  symlinkSync(stock, join(folder, library));
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ classifier, library, version: '1.28.0' }));
  return join(folder, library);
}

test.serial('without a training build: stock, and a command for the others', (t) => {
  ownCache(t);
  t.is(openRuntime().path, stock);
  t.is(openRuntime().kind, 'stock');
  const cpu = t.throws(() => openRuntime('training'), { instanceOf: FlatminError });
  t.is(cpu.code, 'NOT_FOUND');
  t.regex(cpu.message, /Install it: flatmin runtime install$/);
  for (const choice of [undefined, 'training'])
    t.throws(() => openRuntime(choice, 'cuda:0'), {
      instanceOf: FlatminError,
      message: /with CUDA is not installed.*flatmin runtime install --gpu$/,
    });
});

test.serial('the installed training build is the default, and can be passed over', (t) => {
  ownCache(t);
  const path = pretendInstalled('cpu');
  for (const choice of [undefined, 'training']) {
    const runtime = openRuntime(choice);
    t.is(runtime.path, path);
    t.is(runtime.kind, 'training');
  }
  t.is(openRuntime('stock').path, stock);
  process.env.FLATMIN_RUNTIME = 'stock';
  t.is(openRuntime().path, stock);
  t.is(openRuntime('training').path, path, 'what is asked for goes before the variable');
});

const withGpuBuild = classifierOf('gpu') ? test.serial : test.serial.skip;

withGpuBuild('the build with CUDA serves the CPU where it is the only one, and CUDA always', (t) => {
  ownCache(t);
  const gpu = pretendInstalled('gpu');
  writeFileSync(join(dirname(gpu), 'libonnxruntime_providers_cuda.so'), '');
  t.is(openRuntime().path, gpu);
  t.is(openRuntime(undefined, 'cuda').path, gpu);
  const cpu = pretendInstalled('cpu');
  t.is(openRuntime().path, cpu);
  t.is(openRuntime('training', 'cuda:1').path, gpu);
});

test.serial('a runtime without CUDA is refused for CUDA', (t) => {
  ownCache(t);
  t.throws(() => openRuntime('stock', 'cuda'), {
    instanceOf: FlatminError,
    message: /has no CUDA provider, which --device cuda needs.*flatmin runtime install --gpu/,
  });
});

test.serial('a path, a folder, and what is neither', (t) => {
  const folder = ownCache(t);
  t.is(openRuntime(dirname(stock)).path, stock);
  const copy = join(folder, 'libonnxruntime.so.1');
  symlinkSync(stock, copy);
  t.is(openRuntime(copy).kind, 'other');
  t.throws(() => openRuntime(join(folder, 'runtimes')), { message: /there is no file .*runtimes/ });
  mkdirSync(join(folder, 'empty'));
  t.throws(() => openRuntime(join(folder, 'empty')), { message: /no libonnxruntime in the folder/ });
  t.throws(() => openRuntime(''), { message: /Expected runtime to be 'stock', 'training' or a path/ });
});

test.serial('a folder of the cache without its manifest or its library is not installed', (t) => {
  ownCache(t);
  const path = pretendInstalled('cpu');
  rmSync(path);
  t.is(openRuntime().path, stock);
  copyFileSync(stock, path);
  t.is(openRuntime().path, path);
  writeFileSync(join(dirname(path), 'manifest.json'), '{"libr');
  t.is(openRuntime().path, stock);
});

test('the cache folder follows the platform, and FLATMIN_CACHE goes before', (t) => {
  const home = homedir();
  t.is(cacheFolder({ FLATMIN_CACHE: '/c' }, 'linux'), '/c');
  t.is(cacheFolder({}, 'linux'), join(home, '.cache/flatmin'));
  t.is(cacheFolder({ XDG_CACHE_HOME: '/x' }, 'linux'), '/x/flatmin');
  t.is(cacheFolder({ XDG_CACHE_HOME: 'relative' }, 'linux'), join(home, '.cache/flatmin'));
  t.is(cacheFolder({}, 'darwin'), join(home, 'Library/Caches/flatmin'));
  t.is(cacheFolder({ LOCALAPPDATA: '/local' }, 'win32'), '/local/flatmin/Cache');
});
