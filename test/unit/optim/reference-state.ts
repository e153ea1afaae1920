import type { TrainingSession } from '../../../src/session/session.js';
import { relativeError } from '../../reference/tolerance.js';
import { type ReferenceCase, type Sampled, samplesOf } from './reference-fixture.js';

export type Check = (what: string, error: number, limit: number) => void;

export const norm = (values: Iterable<number>): number =>
  Math.sqrt([...values].reduce((sum, x) => sum + x * x, 0));
export const apart = (actual: number, expected: number): number =>
  Math.abs(actual - expected) / Math.abs(expected);

/** Checks a session's parameters, and what moved them since the start, against a recorded state. */
export function checkParameters(
  session: TrainingSession,
  start: ReadonlyMap<string, Float32Array>,
  expected: ReferenceCase['after'][string],
  step: number,
  check: Check,
): void {
  const actual = { weights: [] as number[], updates: [] as number[], weightSquares: 0, updateSquares: 0 };
  const wanted = { weights: [] as number[], updates: [] as number[] };
  for (const [name, [weightNorm, updateNorm, samples]] of Object.entries(expected.parameters)) {
    const weight = session.weight(name);
    const initial = start.get(name)!;
    const update = weight.map((value, i) => value - initial[i]!);
    const initialSamples = samplesOf(initial, samples.length);
    const weightSamples = samplesOf(weight, samples.length);
    const updateSamples = weightSamples.map((value, j) => value - initialSamples[j]!);
    const wantedUpdates = samples.map((value, j) => value - initialSamples[j]!);
    actual.weights.push(...weightSamples);
    wanted.weights.push(...samples);
    actual.updates.push(...updateSamples);
    wanted.updates.push(...wantedUpdates);
    actual.weightSquares += norm(weight) ** 2;
    actual.updateSquares += norm(update) ** 2;
    check(`step ${step}: update of ${name}`, relativeError(updateSamples, wantedUpdates), 1e-3);
    check(`step ${step}: norm of ${name}`, apart(norm(weight), weightNorm), 1e-5);
    check(`step ${step}: norm of the update of ${name}`, apart(norm(update), updateNorm), 1e-4);
  }
  check(`step ${step}: parameters`, relativeError(actual.weights, wanted.weights), 1e-4);
  check(`step ${step}: update`, relativeError(actual.updates, wanted.updates), 1e-4);
  check(`step ${step}: norm`, apart(Math.sqrt(actual.weightSquares), expected.norm), 1e-5);
  check(`step ${step}: update's norm`, apart(Math.sqrt(actual.updateSquares), expected.updateNorm), 1e-4);
}

export function checkStatistics(
  session: TrainingSession,
  statistics: Record<string, Sampled>,
  check: Check,
): void {
  for (const [name, [expectedNorm, samples]] of Object.entries(statistics)) {
    const values = session.weight(name);
    check(`norm of ${name}`, relativeError([norm(values)], [expectedNorm], 1e-2), 1e-5);
    check(name, relativeError(samplesOf(values, samples.length), samples, 1e-2), 1e-5);
  }
}
