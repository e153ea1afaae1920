import { existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { watchFiles } from '../../../scripts/torture/watch-files.js';
import { removeTemporaryFiles } from '../../../src/formats/atomic.js';
import { processStart } from '../../../src/run/folder/process-start.js';
import { RunLock } from '../../../src/run/folder/run-lock.js';
import { Child } from './child.js';

async function temporaryPath(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), 'flatmin-lock-')), 'run.lock');
}

/** A child that holds `path` until its input ends. */
async function holder(t: ExecutionContext, path: string): Promise<Child> {
  const child = new Child(
    t,
    'run/folder/run-lock.js',
    `lib.RunLock.acquire(${JSON.stringify(path)}); console.log('held'); process.stdin.resume();`,
  );
  if ((await child.line()) !== 'held') throw new Error('the child could not take the lock');
  return child;
}

/** The lock of a process that was killed. */
async function deadRecord(t: ExecutionContext): Promise<Record<string, unknown>> {
  const path = await temporaryPath();
  const child = await holder(t, path);
  await child.kill();
  return JSON.parse(readFileSync(path, 'utf8'));
}

test('one holder at a time, until it releases', async (t) => {
  const path = await temporaryPath();
  const lock = RunLock.acquire(path);
  const { pid, host } = JSON.parse(readFileSync(path, 'utf8'));
  t.is(pid, process.pid);
  const message = new RegExp(`held by process ${pid} on ${host}, since \\d{4}-`);
  t.throws(() => RunLock.acquire(path), { code: 'IN_USE', message });
  lock.release();
  t.false(existsSync(path));
  const next = RunLock.acquire(path);
  lock.release();
  t.true(existsSync(path), 'a second release does not free the next holder’s lock');
  next.release();
  t.deepEqual(await readdir(join(path, '..')), []);
});

test('another process is refused, then takes over from the killed one', async (t) => {
  const path = await temporaryPath();
  const child = await holder(t, path);
  t.throws(() => RunLock.acquire(path), { code: 'IN_USE', message: new RegExp(`process ${child.pid} `) });
  await child.kill();
  t.true(existsSync(path), 'a killed process cannot release');
  const lock = RunLock.acquire(path);
  t.is(JSON.parse(readFileSync(path, 'utf8')).pid, process.pid);
  t.deepEqual(await readdir(join(path, '..')), ['run.lock']);
  lock.release();
});

test('a process that ends releases its lock', async (t) => {
  const path = await temporaryPath();
  const child = await holder(t, path);
  await child.finish();
  t.false(existsSync(path));
});

const linuxTest = processStart(process.pid) === null ? test.skip : test;

linuxTest('a later process of the same pid does not keep a dead lock alive', async (t) => {
  const path = await temporaryPath();
  const dead = { ...(await deadRecord(t)), pid: process.pid };
  writeFileSync(path, JSON.stringify({ ...dead, processStart: processStart(process.pid) }));
  t.throws(() => RunLock.acquire(path), { code: 'IN_USE' });
  writeFileSync(path, JSON.stringify(dead));
  RunLock.acquire(path).release();
  t.pass();
});

test('the lock of another host is respected as long as it shows signs of life', async (t) => {
  const path = await temporaryPath();
  writeFileSync(path, JSON.stringify({ ...(await deadRecord(t)), host: 'elsewhere' }));
  t.throws(() => RunLock.acquire(path), { code: 'IN_USE', message: /on elsewhere.*delete .*run\.lock/ });
  const elevenMinutesAgo = new Date(Date.now() - 660_000);
  utimesSync(path, elevenMinutesAgo, elevenMinutesAgo);
  const lock = RunLock.acquire(path);
  t.deepEqual(await readdir(join(path, '..')), ['run.lock']);
  lock.release();
});

test('a torn lock, as a power cut leaves it, is taken over', async (t) => {
  const path = await temporaryPath();
  for (const content of ['', '\0\0\0', '{"pid":0,"token":"a"}', '{"pid":7,"token":"../a"}']) {
    writeFileSync(path, content);
    RunLock.acquire(path).release();
    t.deepEqual(await readdir(join(path, '..')), []);
  }
});

test('who was taken for dead learns of it', async (t) => {
  const path = await temporaryPath();
  const lock = RunLock.acquire(path);
  t.notThrows(() => lock.assertHeld());
  writeFileSync(path, JSON.stringify({ ...(await deadRecord(t)), host: 'elsewhere', pid: 7 }));
  t.throws(() => lock.assertHeld(), {
    code: 'IN_USE',
    message: /taken over by another process \(7 on elsewhere\)/,
  });
  lock.release();
  t.true(existsSync(path), 'the new holder keeps it');
});

test('a process that died while taking over is itself taken over', async (t) => {
  const path = await temporaryPath();
  const [first, second, third] = [await deadRecord(t), await deadRecord(t), await deadRecord(t)];
  writeFileSync(path, JSON.stringify(first));
  writeFileSync(`${path}.${first.token}`, JSON.stringify(second));
  writeFileSync(`${path}.${first.token}.${second.token}`, JSON.stringify(third));
  const lock = RunLock.acquire(path);
  t.deepEqual(await readdir(join(path, '..')), ['run.lock']);
  lock.release();
});

test('of several processes that take over one dead lock, exactly one wins', async (t) => {
  const rounds = 60;
  const dir = join(await temporaryPath(), '..');
  const [dead, taker] = [await deadRecord(t), await deadRecord(t)];
  for (let round = 0; round < rounds; round++) {
    writeFileSync(join(dir, `${round}`), JSON.stringify(dead));
    // In every third round one taker has died half-way.
    if (round % 3 === 0) writeFileSync(join(dir, `${round}.${dead.token}`), JSON.stringify(taker));
  }
  const body = `
    console.log('ready');
    const start = Number(await new Promise((resolve) => process.stdin.once('data', resolve)));
    const won = [];
    for (let round = 0; round < ${rounds}; round++) {
      while (Date.now() < start + 8 * round);
      try {
        lib.RunLock.acquire(${JSON.stringify(dir)} + '/' + round);
        won.push(round);
      } catch (error) {
        if (error.code !== 'IN_USE') throw error;
      }
    }
    console.log(JSON.stringify(won));
  `;
  const children = Array.from({ length: 4 }, () => new Child(t, 'run/folder/run-lock.js', body));
  for (const child of children) t.is(await child.line(), 'ready');
  const start = Date.now() + 50;
  for (const child of children) child.process.stdin!.write(`${start}`);
  const won = await Promise.all(
    children.map(async (child) => JSON.parse((await child.line()) ?? '[]') as number[]),
  );
  t.deepEqual(
    won.flat().sort((a, b) => a - b),
    Array.from({ length: rounds }, (_, round) => round),
  );
  for (const child of children) await child.finish();
  t.deepEqual(await readdir(dir), [], 'nothing is left once they have ended');
});

test.serial(
  'what a process leaves that dies while it takes a lock is cleared away, and one that lives makes it anew',
  async (t) => {
    const path = await temporaryPath();
    const dir = join(path, '..');
    let cleared = 0;
    const stop = await watchFiles(dir, {
      before({ kind, path: draft }) {
        if (kind !== 'link' || cleared > 0) return undefined;
        cleared++;
        const own = join(dir, draft);
        writeFileSync(own.replace(/\d+\.tmp$/, '999999.tmp'), 'of another');
        rmSync(own);
        return undefined;
      },
    });
    const lock = RunLock.acquire(path);
    stop();
    t.is(cleared, 1);
    t.is((await readdir(dir)).length, 2);
    await removeTemporaryFiles(dir);
    t.deepEqual(await readdir(dir), ['run.lock']);
    lock.release();
  },
);
