import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { writeFiles } from '../../scripts/fuzz/readers/folder.js';
import { samples } from '../../scripts/fuzz/readers/samples.js';
import { WatchedWorker } from '../../scripts/fuzz/watched-worker.js';
import { temporaryFolder } from './run-cli.js';

const main = fileURLToPath(new URL('../../scripts/fuzz/main.js', import.meta.url));

/** Cases of each kind: what a few seconds are enough for. */
const COUNTS = { models: 30, networks: 20, readers: 60, programs: 60, misuse: 2 };

for (const [kind, count] of Object.entries(COUNTS))
  test(`no fault in ${count} random cases of ${kind}`, (t) => {
    const out = temporaryFolder(t);
    const args = [main, '--seed', '11', `--${kind}`, String(count), '--out', out];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    t.is(status, 0, `${stdout}\n${stderr}`);
    t.deepEqual(readdirSync(out), []);
  });

test('a process that ends before its case is a fault', async (t) => {
  const worker = new WatchedWorker('no such kind', join(temporaryFolder(t), 'case'), []);
  const { state, message } = await worker.run('any');
  t.is(state, 'fault');
  t.regex(message!, /The process ended with code 1/);
});

for (const [name, sample] of Object.entries(samples))
  test(`the files that are mutated are whole: ${name}`, async (t) => {
    const folder = temporaryFolder(t);
    const dir = join(folder, 'whole');
    await writeFiles(dir, await sample.files(folder));
    await t.notThrowsAsync(sample.read(dir));
  });
