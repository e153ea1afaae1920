import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Table from 'cli-table3';
import { kinds } from './kinds.js';
import { help, readOptions } from './options.js';
import { runKind, type Tally } from './run-kind.js';

const options = readOptions(process.argv.slice(2), kinds);
if (options === 'help') console.log(help(kinds));
else {
  const chosen = kinds.filter(({ name }) => options.counts[name]! > 0);
  const began = performance.now();
  const share = (60_000 * options.minutes) / chosen.length;
  mkdirSync(options.out, { recursive: true });
  const tallies: Tally[] = [];
  for (const [index, kind] of chosen.entries())
    tallies.push(await runKind(kind, options.counts[kind.name]!, began + share * (index + 1), options));
  rmSync(join(options.out, 'work'), { recursive: true, force: true });
  const table = new Table({
    head: ['kind', 'cases', 'values', 'refused', 'faults', 'slow', 'seconds'],
    style: { head: [] },
  });
  for (const { kind, cases, values, refused, faults, slow, seconds } of tallies)
    table.push([kind, cases, values, refused, faults, slow, seconds.toFixed(0)]);
  console.log(`${table.toString()}\nSeed ${options.seed}.`);
  process.exitCode = tallies.some(({ faults }) => faults > 0) ? 1 : 0;
}
