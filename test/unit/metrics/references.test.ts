import { readFile } from 'node:fs/promises';
import test from 'ava';
import type { ClassBatch, Task, ValueBatch } from '../../../src/metrics/metric.js';
import { MetricSet } from '../../../src/metrics/metric-set.js';
import { metricNamed } from '../../../src/metrics/registry.js';

interface Case {
  readonly dims: number[];
  readonly scores: number[];
  readonly expected: Readonly<Record<string, number>>;
}
interface ClassCase extends Case {
  readonly classAxis: number;
  readonly ignoreIndex?: number;
  readonly labels: number[];
  readonly confusion: number[][];
  readonly perClass: readonly {
    readonly precision: number | null;
    readonly recall: number | null;
    readonly f1: number | null;
    readonly support: number;
  }[];
}
interface ValueCase extends Case {
  readonly targets: number[];
}

/** What scikit-learn and NumPy say: test/fixtures/metrics/make.py. */
const references: {
  classes: Record<string, ClassCase>;
  values: Record<string, ValueCase>;
  binary: Record<string, ValueCase>;
} = JSON.parse(
  await readFile(new URL('../../../../test/fixtures/metrics/expected.json', import.meta.url), 'utf8'),
);

/** Sizes of batches, repeated until all samples are taken. */
const DIVISIONS = [[1000], [1], [3, 1, 7], [5, 2]];

/** Parts of samples along axis 0. */
function* parts(samples: number, sizes: readonly number[]): Generator<[first: number, count: number]> {
  for (let first = 0, turn = 0; first < samples; turn++) {
    const count = Math.min(sizes[turn % sizes.length]!, samples - first);
    yield [first, count];
    first += count;
  }
}

const batchesOf = <T>(
  { dims, scores }: Case,
  targets: readonly number[],
  sizes: readonly number[],
  make: (part: { scores: Float32Array; dims: number[]; targets: number[] }) => T,
): T[] => {
  const [samples = 0, ...rest] = dims;
  const slice = (array: readonly number[], first: number, count: number) =>
    array.slice((first * array.length) / samples, ((first + count) * array.length) / samples);
  return [...parts(samples, sizes)].map(([first, count]) =>
    make({
      scores: Float32Array.from(slice(scores, first, count)),
      dims: [count, ...rest],
      targets: slice(targets, first, count),
    }),
  );
};

for (const [name, given] of Object.entries(references.classes))
  for (const sizes of DIVISIONS)
    test(`metrics of ${name} are scikit-learn's, in batches of ${sizes}`, (t) => {
      const { classAxis, ignoreIndex, labels, expected } = given;
      const batches = batchesOf(
        given,
        labels,
        sizes,
        (part): ClassBatch => ({ ...part, classAxis, ignoreIndex }),
      );
      for (const [metric, value] of Object.entries(expected)) {
        const accumulator = metricNamed(metric)!.accumulator();
        for (const batch of batches) (accumulator.add as (batch: ClassBatch) => void)(batch);
        near(t, accumulator.value(), value, metric);
      }
      const task: Task = { kind: 'classes', rank: given.dims.length, classes: given.dims[classAxis] };
      const set = new MetricSet(task, { details: true });
      for (const batch of batches) set.add(batch);
      const { perClass, confusion } = set.details()!;
      t.deepEqual(confusion, given.confusion);
      given.perClass.forEach(({ precision, recall, f1, support }, index) => {
        const found = perClass[index]!;
        t.is(found.support, support);
        near(t, found.precision ?? undefined, precision, `precision of ${index}`);
        near(t, found.recall ?? undefined, recall, `recall of ${index}`);
        near(t, found.f1 ?? undefined, f1, `F1 of ${index}`);
      });
    });

for (const kind of ['values', 'binary'] as const)
  for (const [name, given] of Object.entries(references[kind]))
    for (const sizes of DIVISIONS)
      test(`metrics of ${kind}, ${name}, are scikit-learn's, in batches of ${sizes}`, (t) => {
        const set = new MetricSet({ kind, rank: given.dims.length });
        for (const batch of batchesOf(given, given.targets, sizes, asFloats)) set.add(batch);
        const values = set.values();
        t.deepEqual(Object.keys(values).sort(), Object.keys(given.expected).sort());
        for (const [metric, value] of Object.entries(given.expected)) near(t, values[metric], value, metric);
      });

/** The decimals of the fixture are those of float32 numbers. */
const asFloats = (part: { scores: Float32Array; dims: number[]; targets: number[] }): ValueBatch => ({
  ...part,
  targets: Float32Array.from(part.targets),
});

function near(
  t: { true: (value: boolean, message: string) => unknown },
  found: number | undefined,
  expected: number | null,
  what: string,
): void {
  const isNear =
    expected === null || found === undefined
      ? (expected ?? undefined) === found
      : Math.abs(found - expected) <= 1e-9 * Math.max(1, Math.abs(expected));
  t.true(isNear, `${what}: ${found}, but expected ${expected}`);
}
