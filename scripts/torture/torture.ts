import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { Random } from './random.js';
import { RUNS } from './runs.js';
import type { Scenario, Verdict } from './scenario.js';
import { calls } from './scenarios/calls.js';
import { clock } from './scenarios/clock.js';
import { cuts } from './scenarios/cuts.js';
import { experiment, makeExperiment } from './scenarios/experiment.js';
import { flips } from './scenarios/flips.js';
import { full } from './scenarios/full.js';
import { kills } from './scenarios/kills.js';
import { twice } from './scenarios/twice.js';
import { makeSubject, type Subject } from './subject.js';

const SCENARIOS = { kills, calls, cuts, full, twice, flips, clock } satisfies Record<string, Scenario>;
const RUN_SCENARIOS = Object.entries(SCENARIOS);

/** What is done, by the option that says how much of it. */
export const SCENARIO_NAMES = [...RUN_SCENARIOS.map(([name]) => name), 'experiment'] as const;

/** A little of each: a minute. */
export const SHORT = {
  ...{ kills: 4, calls: 4, cuts: 40, full: 3, twice: 3, flips: 100, clock: 2 },
  experiment: 6,
} satisfies Amounts;

/** How much is done of each scenario: kills, cuts, flips and so on. */
export type Amounts = Readonly<Record<string, number>>;

export interface Tally {
  readonly scenario: string;
  /** Runs that were taken to their end. */
  cases: number;
  /** Kills, cuts, flips in them. */
  count: number;
  seconds: number;
  readonly faults: string[];
}

export interface TortureOptions {
  readonly amounts: Amounts;
  readonly seed: number;
  /** Takes lines of progress. */
  readonly tell: (line: string) => void;
  /** SCENARIO:N, to do that case alone. */
  readonly only?: string | undefined;
}

/** Does all that is asked for; the folder of a case with a fault is kept, and named. */
export async function torture({ amounts, seed, tell, only }: TortureOptions): Promise<Tally[]> {
  const workspace = mkdtempSync(join(tmpdir(), 'flatmin-torture-'));
  const tallies: Tally[] = [];
  const needed = (name: string) => (only ? only.startsWith(`${name}:`) : (amounts[name] ?? 0) > 0);
  const perform = async (
    name: string,
    each: (index: number, dir: string, random: Random) => Promise<Verdict>,
  ) => {
    const tally: Tally = { scenario: name, cases: 0, count: 0, seconds: 0, faults: [] };
    tallies.push(tally);
    const [first, end] = only ? [Number(only.split(':')[1]), 1] : [0, amounts[name]!];
    const began = performance.now();
    for (let index = first; tally.count < end; index++) {
      const dir = join(workspace, `${name}-${index}`);
      mkdirSync(dir);
      const { count = 1, faults } = await each(
        index,
        dir,
        new Random(crc32(`${seed} ${name} ${index}`) | 0),
      ).catch((error): Verdict => ({ faults: [`the case itself fails: ${(error as Error).stack}`] }));
      tally.cases++;
      tally.count += only ? 1 : count;
      tally.seconds = (performance.now() - began) / 1000;
      tally.faults.push(...faults);
      for (const fault of faults) tell(`${name}:${index}, ${dir}: ${fault}`);
      if (faults.length === 0) rmSync(dir, { recursive: true });
      if (tally.cases % 20 === 0) tell(`${name}: ${tally.count} of ${end}, ${tally.faults.length} faults`);
    }
    tell(`${name}: ${tally.count} in ${tally.cases} cases, ${tally.faults.length} faults`);
  };

  const subjects: Subject[] = [];
  if (RUN_SCENARIOS.some(([name]) => needed(name)))
    for (const run of RUNS)
      subjects.push(await makeSubject(run, folder(workspace, `whole-${subjects.length}`)));
  for (const [name, scenario] of RUN_SCENARIOS)
    if (needed(name))
      await perform(name, async (index, dir, random) => {
        const subject = subjects[index % subjects.length]!;
        const { count, faults } = await scenario({ subject, dir, random });
        return { count, faults: faults.map((fault) => `${subject.run.name}: ${fault}`) };
      });
  if (needed('experiment')) {
    const whole = await makeExperiment(folder(workspace, 'whole-experiment'));
    await perform('experiment', (index, dir, random) =>
      experiment(whole, { dir, random, inProcess: index % 4 > 0 }),
    );
  }
  if (tallies.every(({ faults }) => faults.length === 0)) rmSync(workspace, { recursive: true });
  return tallies;
}

function folder(parent: string, name: string): string {
  const path = join(parent, name);
  mkdirSync(path);
  return path;
}
