import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { faultsOf, growthOf } from './growth.js';
import { soak } from './soak.js';
import { subjects } from './subjects.js';

// Does the same over and over, and tells how much more memory, files and threads that takes in the end:
// node dist/scripts/soak/main.js [--steps N] [--sessions N] …, each with its own number of rounds; those that are not named are left
// out, once one is. Ends with code 1 where something grew.
const LOOKS = 25;

const { values } = parseArgs({
  options: Object.fromEntries(subjects.map(({ name }) => [name, { type: 'string' as const }])),
});
const isNamed = Object.keys(values).length > 0;
const table = new Table({
  head: ['subject', 'rounds', 'MB', 'growth', 'heap kB', 'external kB', 'buffers kB', 'files', 'threads'],
  style: { head: [] },
});
for (const subject of subjects) {
  const { name } = subject;
  const given = values[name];
  if (isNamed && given === undefined) continue;
  const rounds = Number(given ?? subject.rounds);
  if (!Number.isSafeInteger(rounds) || rounds < LOOKS)
    throw new Error(`Expected --${name} to be a whole number ≥ ${LOOKS}, but received ${given}.`);
  const growth = growthOf(await soak(name, rounds, LOOKS));
  const { begin, end } = growth;
  const change = (of: (each: typeof begin) => number, unit = 1) =>
    `${Math.round(of(begin) / unit)} → ${Math.round(of(end) / unit)}`;
  table.push([
    name,
    rounds,
    change(({ resident }) => resident, 2 ** 20),
    `${(100 * (end.resident / begin.resident - 1)).toFixed(1)} %`,
    change(({ heap }) => heap, 1024),
    change(({ external }) => external, 1024),
    change(({ buffers }) => buffers, 1024),
    change(({ files }) => files),
    change(({ threads }) => threads),
  ]);
  for (const fault of faultsOf(growth)) {
    console.error(`${name}: ${fault}`);
    process.exitCode = 1;
  }
}
console.log(table.toString());
