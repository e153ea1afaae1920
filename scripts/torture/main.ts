import { parseArgs } from 'node:util';
import { SCENARIO_NAMES, SHORT, torture } from './torture.js';

// Tortures runs, and tells what is not as docs/reliability.md promises: node dist/scripts/torture/main.js [--seed N] [--kills N] [--cuts N] …
// Without a number for any scenario each is done a little. --only SCENARIO:N does one case again.

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '0' },
    only: { type: 'string' },
    ...Object.fromEntries(SCENARIO_NAMES.map((name) => [name, { type: 'string' as const }])),
  },
});
const given = values as Readonly<Record<string, string | undefined>>;
const asked = SCENARIO_NAMES.filter((name) => given[name] !== undefined);
const amounts =
  asked.length > 0 ? Object.fromEntries(asked.map((name) => [name, Number(given[name])])) : SHORT;
const wrong = asked.find((name) => !Number.isSafeInteger(amounts[name as keyof typeof amounts]));
if (wrong) throw new Error(`Expected --${wrong} to be a whole number, but received ${given[wrong]}.`);

const tallies = await torture({
  amounts,
  seed: Number(given.seed),
  only: given.only,
  tell: (line) => console.log(line),
});
console.log('\n| scenario | done | cases | faults | seconds |\n|---|---|---|---|---|');
for (const { scenario, count, cases, faults, seconds } of tallies)
  console.log(`| ${scenario} | ${count} | ${cases} | ${faults.length} | ${seconds.toFixed(0)} |`);
process.exitCode = tallies.every(({ faults }) => faults.length === 0) ? 0 : 1;
