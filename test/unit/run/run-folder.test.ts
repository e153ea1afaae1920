import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { assertSameConfig } from '../../../src/run/folder/run-config.js';
import { RunFolder, readRunConfig } from '../../../src/run/folder/run-folder.js';
import { Child } from './child.js';

async function temporaryDir(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), 'flatmin-run-')), 'a', 'run');
}

const config = { model: 'wrn-16-4', optimizer: { name: 'sam', rho: 0.05 }, epochs: 10 };

test('a new folder holds the config and a lock until it is closed', async (t) => {
  const dir = await temporaryDir();
  const folder = await RunFolder.create(dir, config);
  t.is(folder.savedConfig, undefined);
  t.is(folder.path('checkpoints', 'a'), join(dir, 'checkpoints', 'a'));
  t.deepEqual((await readdir(dir)).sort(), ['config.json', 'run.lock']);
  const saved = JSON.parse(await readFile(join(dir, 'config.json'), 'utf8'));
  const { run } = folder;
  t.deepEqual(saved, { ...config, run, digest: saved.digest });
  t.regex(run.id, /^[\w-]{36}$/);
  await folder.markCheckpointed();
  folder.close();
  t.deepEqual((await readRunConfig(dir))?.run, { ...run, checkpointed: true });
  t.deepEqual(await readdir(dir), ['config.json']);
});

test('a folder with a run needs resume, and resume needs a run', async (t) => {
  const dir = await temporaryDir();
  await t.throwsAsync(RunFolder.create(dir, config, { resume: true }), {
    code: 'NOT_FOUND',
    message: /no run to resume/,
  });
  await writeFile(join(dir, 'notes.txt'), 'not a run');
  (await RunFolder.create(dir, config)).close();
  await t.throwsAsync(RunFolder.create(dir, config), {
    code: 'INVALID_ARGUMENT',
    message: /already has a run: use --resume or another --out/,
  });
  const resumed = await RunFolder.create(dir, config, { resume: true });
  const { run } = resumed;
  t.deepEqual(resumed.savedConfig, { ...config, run }, 'the run stays the same');
  resumed.close();
});

test('resume refuses another config and leaves the saved one; ignored keys may change', async (t) => {
  const dir = await temporaryDir();
  (await RunFolder.create(dir, config)).close();
  const longer = { ...config, epochs: 20 };
  await t.throwsAsync(RunFolder.create(dir, longer, { resume: true }), { message: /epochs: was 10, is 20/ });
  t.like(JSON.parse(await readFile(join(dir, 'config.json'), 'utf8')), config);
  const folder = await RunFolder.create(dir, longer, { resume: true, ignoredKeys: ['epochs'] });
  t.like(folder.savedConfig, { epochs: 10 });
  t.like(JSON.parse(await readFile(join(dir, 'config.json'), 'utf8')), longer);
  folder.close();
});

test('what a kill left half-written is cleared away', async (t) => {
  const dir = await temporaryDir();
  (await RunFolder.create(dir, config)).close();
  await writeFile(join(dir, 'config.json.999999.tmp'), '{"mod');
  (await RunFolder.create(dir, config, { resume: true })).close();
  t.deepEqual(await readdir(dir), ['config.json']);
});

test('a folder in use by another process is refused, and free once that is killed', async (t) => {
  const dir = await temporaryDir();
  const child = new Child(
    t,
    'run/folder/run-folder.js',
    `await lib.RunFolder.create(${JSON.stringify(dir)}, { epochs: 10 }); console.log('held'); process.stdin.resume();`,
  );
  t.is(await child.line(), 'held');
  const inUse = { code: 'IN_USE', message: new RegExp(`run\\.lock is held by process ${child.pid} `) };
  await t.throwsAsync(RunFolder.create(dir, config), inUse);
  await t.throwsAsync(RunFolder.create(dir, config, { resume: true }), inUse);
  await child.kill();
  (await RunFolder.create(dir, { epochs: 10 }, { resume: true })).close();
  t.deepEqual(await readdir(dir), ['config.json']);
});

test('a file in the folder’s place, and a broken config, are named', async (t) => {
  const dir = await temporaryDir();
  await mkdir(dir, { recursive: true });
  const path = join(dir, 'config.json');
  await writeFile(path, '{"mod');
  await t.throwsAsync(RunFolder.create(dir, config, { resume: true }), {
    code: 'INVALID_DATA',
    message: /config\.json is not JSON/,
  });
  for (const place of [path, join(path, 'below')]) {
    await t.throwsAsync(RunFolder.create(place, config), {
      code: 'INVALID_ARGUMENT',
      message: /a folder, not a file/,
    });
  }
});

test('a config that was damaged or edited is refused', async (t) => {
  const dir = await temporaryDir();
  (await RunFolder.create(dir, config)).close();
  const path = join(dir, 'config.json');
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replace('0.05', '0.15'));
  await t.throwsAsync(RunFolder.create(dir, config, { resume: true }), {
    code: 'INVALID_DATA',
    message: /config\.json is not as it was written: it was damaged, or edited by hand/,
  });
});

test('assertSameConfig lists every differing key with both values', (t) => {
  const saved = {
    lr: 0.1,
    optimizer: { name: 'sam', rho: 0.05 },
    milestones: [1, 2],
    threads: 2,
    out: { a: 1 },
  };
  const now = { lr: 0.2, optimizer: { name: 'sam', rho: 0.1 }, milestones: [1, 3], threads: 4, seed: 0 };
  const error = t.throws(() => assertSameConfig(saved, now, ['threads', 'out']), {
    code: 'INVALID_ARGUMENT',
  });
  t.deepEqual(error?.message.split('\n').slice(1, -1), [
    '  lr: was 0.1, is 0.2',
    '  optimizer.rho: was 0.05, is 0.1',
    '  milestones: was [1,2], is [1,3]',
    '  seed: was absent, is 0',
  ]);
  t.notThrows(() => assertSameConfig(saved, { ...saved, seed: undefined }));
});
