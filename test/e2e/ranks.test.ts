import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { relativeError } from '../reference/tolerance.js';
import { startRanks, whyNoRanks } from './ranks/launch.js';
import type { Outcome } from './ranks/steps.js';
import { temporaryFolder } from './run-cli.js';

const ranked = whyNoRanks === undefined ? test.serial : test.serial.skip;
if (whyNoRanks !== undefined) console.warn(`Tests of ranks are skipped: ${whyNoRanks}.`);

const script = (name: string) => fileURLToPath(new URL(`./ranks/${name}.js`, import.meta.url));
type Outcomes = Record<string, Outcome>;

/** Steps of `microBatches` on a number of ranks; what each of them has in the end. */
async function steps(
  dir: string,
  ranks: number,
  microBatches: number,
  count: number,
  few = false,
): Promise<Outcomes[]> {
  const folder = join(dir, `${ranks}-${microBatches}`);
  mkdirSync(folder);
  const args = [script('steps'), folder, String(microBatches), String(count), few ? 'few' : ''];
  if (ranks === 1) execFileSync(process.execPath, args);
  else {
    const { code, stderr } = await startRanks(ranks, args).result;
    if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
  }
  return Array.from({ length: ranks }, (_, rank) =>
    JSON.parse(readFileSync(join(folder, `${rank}.json`), 'utf8')),
  );
}

ranked('two ranks are one process with two micro-batches, bit for bit, with every optimizer', async (t) => {
  t.timeout(300_000);
  const dir = temporaryFolder(t);
  const [one] = await steps(dir, 1, 2, 3);
  const both = await steps(dir, 2, 2, 3);
  for (const [name, { digest }] of Object.entries(one!))
    t.deepEqual(
      both.map((rank) => rank[name]!.digest),
      [digest, digest],
      name,
    );
  for (const [name, { statistics }] of Object.entries(both[0]!)) {
    t.deepEqual(both[1]![name]!.statistics, statistics, `${name}: statistics of both ranks`);
    // The mean of one move each, where one process makes a second move from the first.
    const difference = relativeError(statistics, one![name]!.statistics);
    t.true(difference > 0 && difference < 0.5, `${name}: statistics differ by ${difference}`);
  }
});

ranked(
  'four ranks, and two with two micro-batches each, are one process with four to rounding',
  async (t) => {
    t.timeout(300_000);
    const dir = temporaryFolder(t);
    const [one] = await steps(dir, 1, 4, 1, true);
    for (const ranks of [2, 4]) {
      const [first] = await steps(dir, ranks, 4, 1, true);
      for (const [name, { parameters }] of Object.entries(one!))
        t.true(relativeError(first![name]!.parameters, parameters) < 1e-6, `${name} on ${ranks} ranks`);
    }
  },
);
