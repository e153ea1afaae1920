import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runExperiment } from '../../../src/experiment/run-experiment.js';
import type { ExperimentFile } from '../../../src/experiment/schema.js';
import { Disk } from '../disk.js';
import type { FileOperation } from '../operation.js';
import { startTortured } from '../processes.js';
import type { Random } from '../random.js';
import type { Verdict } from '../scenario.js';
import { recorded } from '../subject.js';

const EXPERIMENT: ExperimentFile = {
  name: 'short',
  title: 'Short trainings',
  rows: 'optimizer',
  settings: { model: 'mlp-8', batch: 32, trainSamples: 96, testSamples: 64 },
  sharpness: { rho: 0.05, measures: ['ascent'], samples: 64 },
  variants: [
    { name: 'sgd', settings: {} },
    { name: 'sam', settings: { optimizer: 'sam' } },
  ],
  columns: [
    { metric: 'accuracy', label: 'accuracy %', factor: 100 },
    { metric: 'sharpness.ascent', label: 'sharpness', factor: 1000 },
  ],
  scales: { tiny: { data: ['digits'], seeds: [0], settings: { epochs: 2 } } },
};
const EXECUTION = { threads: 1, workers: 0 };
const OUT = 'experiment';

/** An experiment that went through once. */
export interface ExperimentSubject {
  readonly expected: readonly string[];
  readonly operations: readonly FileOperation[];
}

export async function makeExperiment(root: string): Promise<ExperimentSubject> {
  const { operations } = await recorded(root, () => goOn(root));
  return { operations, expected: results(root) };
}

/** Killed or without power at any operation, and sometimes again. */
export async function experiment(
  { expected, operations }: ExperimentSubject,
  { dir, random, inProcess }: { dir: string; random: Random; inProcess: boolean },
): Promise<Verdict> {
  const at = random.between(1, operations.length);
  const root = join(dir, 'root');
  const faults: string[] = [];
  if (inProcess) {
    const disk = new Disk();
    for (const operation of operations.slice(0, at)) disk.apply(operation);
    if (random.between(0, 3) === 0) disk.writeAll(root);
    else disk.writeAfterCut(root, random);
  } else {
    mkdirSync(root);
    const file = join(dir, 'short.json');
    writeFileSync(file, JSON.stringify(EXPERIMENT));
    const execution = ['--threads', '1', '--workers', '0', '--quiet'];
    const command = ['experiment', file, ...execution, '--out', join(root, OUT)];
    const { code, stderr, signal } = await startTortured(command, { root, killAt: at }).result;
    if (signal !== 'SIGKILL' && code !== 0) faults.push(`refused: ${stderr}`);
  }
  try {
    const { missing } = await goOn(root);
    if (missing.length > 0) return { faults: [...faults, `missing: ${JSON.stringify(missing)}`] };
  } catch (error) {
    return { faults: [...faults, `refused: ${(error as Error).stack}`] };
  }
  const other = results(root).some((text, index) => text !== expected[index]);
  return { faults: other ? [...faults, 'another table than undisturbed'] : faults };
}

const goOn = (root: string) => runExperiment(EXPERIMENT, { ...EXECUTION, out: join(root, OUT) });

/** Seconds are left out of them. */
const results = (root: string): string[] =>
  ['results.json', 'results.csv', 'table.md'].map((name) => readFileSync(join(root, OUT, name), 'utf8'));
