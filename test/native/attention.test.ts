import test from 'ava';
import { isolated } from './isolated.js';
import { lost, type Problem, type Results, solve } from './scenarios/attention.js';

/** Relative to the largest number of a result; sums of some hundred terms in float32. */
const tolerance = 5e-6;

const problems: Problem[] = [
  { batch: [], sizes: [1, 1, 1, 1], mask: 'none', seed: 1 },
  { batch: [2, 3], sizes: [7, 5, 4, 6], mask: 'none', seed: 2 },
  { batch: [2, 3], sizes: [7, 5, 4, 6], mask: 'additive', seed: 3 },
  { batch: [3], sizes: [33, 50, 20, 17], mask: 'additive', seed: 4 },
  { batch: [2, 1, 2], sizes: [13, 13, 8, 8], mask: 'causal', seed: 5 },
  { batch: [2], sizes: [5, 9, 16, 3], mask: 'causal', seed: 6 },
  { batch: [2], sizes: [9, 5, 3, 16], mask: 'causal', seed: 7 },
  { batch: [2, 2], sizes: [10, 10, 24, 24], mask: 'none', seed: 8, packed: true },
  // More than a tile of queries, an item of work, and a block of keys.
  { batch: [2], sizes: [197, 197, 64, 64], mask: 'none', seed: 9 },
  { batch: [2], sizes: [400, 300, 16, 8], mask: 'additive', seed: 10 },
  { batch: [1], sizes: [530, 530, 8, 8], mask: 'causal', seed: 11 },
  { batch: [1], sizes: [100, 700, 12, 5], mask: 'additive', seed: 12 },
];

const name = ({ batch, sizes, mask, packed }: Problem) =>
  `[${[...batch, ...sizes]}], mask ${mask}${packed ? ', packed' : ''}`;

for (const problem of problems) {
  test(`attention and its gradients are those of float64, of any number of threads: ${name(problem)}`, async (t) => {
    const { errors, values } = await solve(problem);
    for (const [result, error] of Object.entries(errors)) t.true(error < tolerance, `${result}: ${error}`);
    t.deepEqual((await solve({ ...problem, threads: 3 })).values, values);
  });
}

for (const isa of ['avx2', 'generic']) {
  test(`attention is right with the instructions of ${isa}`, async (t) => {
    const results = await isolated<Results[]>(t, 'attention', 'solveAll', [], problems, { FLATMIN_ISA: isa });
    for (const [at, { errors }] of results.entries())
      for (const [result, error] of Object.entries(errors))
        t.true(error < tolerance, `${name(problems[at]!)}: ${result}: ${error}`);
  });
}

for (const given of ['hidden', 'NaN'] as const) {
  test(`a query that sees nothing, or holds a NaN, has no result; the others do (${given})`, async (t) => {
    const { output, gradient, others } = await lost(given);
    t.deepEqual([output, gradient], [Number.NaN, Number.NaN]);
    t.true(others.every(Number.isFinite));
  });
}
