import test from 'ava';
import { normals } from '../../../src/addon/random.js';
import { measure } from '../../../src/sharpness/measure.js';
import { MEASURE_NAMES, type MeasureName, type SharpnessOptions } from '../../../src/sharpness/options.js';
import { randomStream } from '../../../src/sharpness/random-streams.js';
import { symmetricEigen } from '../../../src/sharpness/symmetric-eigen.js';
import type { Vector } from '../../../src/vectors/parameter-space.js';
import {
  diagonal,
  dot,
  greatestRise,
  norm,
  QuadraticObjective,
  rise,
  rotated,
  SIZE,
  SPECTRUM,
  START,
  times,
} from './quadratic.js';

const RHO = 0.4;
const A = rotated(SPECTRUM);
const G = times(A, START);

const options = (...measures: MeasureName[]): SharpnessOptions => ({ rho: RHO, measures });
const measured = async (given: SharpnessOptions, objective = new QuadraticObjective(A)) =>
  (await measure(objective, given)).measures;

const isClose = (
  t: { true(value: boolean, message: string): void },
  actual: number,
  expected: number,
  limit: number,
) => t.true(Math.abs(actual - expected) <= limit * Math.abs(expected), `${actual}, expected ${expected}`);

const along = (d: readonly number[], length: number): number[] => d.map((x) => (x * length) / norm(d));

test('the reference matrix has its spectrum', (t) => {
  const { values, vectors } = symmetricEigen(A);
  for (const [i, value] of values.entries()) t.true(Math.abs(value - SPECTRUM[i]!) < 1e-12);
  vectors.forEach((vector, i) => {
    t.true(Math.abs(norm(vector) - 1) < 1e-12);
    t.true(norm(times(A, vector).map((x, j) => x - values[i]! * vector[j]!)) < 1e-11);
  });
});

test('ascent is gᵀε + ½εᵀAε at ε = ρg/‖g‖', async (t) => {
  const { ascent } = await measured(options('ascent'));
  isClose(t, ascent!.value, rise(A, G, along(G, RHO)), 1e-5);
  t.like(ascent!.cost, { gradients: 1, losses: 1 });
});

test('ascent-n takes N steps of ρ/N, each along its own gradient', async (t) => {
  for (const ascentSteps of [1, 2, 5]) {
    let epsilon = START.map(() => 0);
    for (let n = 0; n < ascentSteps; n++) {
      const g = times(
        A,
        START.map((w, i) => w + epsilon[i]!),
      );
      const step = along(g, RHO / ascentSteps);
      epsilon = epsilon.map((e, i) => e + step[i]!);
    }
    const { 'ascent-n': found } = await measured({ ...options('ascent-n'), ascentSteps });
    isClose(t, found!.value, rise(A, G, epsilon), 1e-5);
    t.like(found!.cost, { gradients: ascentSteps, losses: 1 });
  }
});

test('average is within four standard errors of ½ρ² tr A / n', async (t) => {
  const expected = (RHO ** 2 / 2) * (SPECTRUM.reduce((sum, x) => sum + x, 0) / SIZE);
  for (const seed of [0, 1, 2]) {
    const { average } = await measured({ ...options('average'), draws: 400, seed });
    t.true(
      Math.abs(average!.value - expected) < 4 * average!.standardError,
      `${average!.value}, ${expected}`,
    );
    t.true(average!.standardError < expected / 2);
    t.is(average!.draws, 400);
  }
});

test('average is the mean over ρz/‖z‖ with the numbers of its stream', async (t) => {
  const draws = 5;
  const found = await measured({ ...options('average'), draws, seed: 3 });
  const { arena } = new QuadraticObjective(A).space;
  const rises = Array.from({ length: draws }, (_, draw) => {
    const stream = normals(arena.length, 3, randomStream('average', draw));
    const z = arena.segments.flatMap(({ first, count }) => [...stream.subarray(first, first + count)]);
    return rise(A, G, along(z, RHO));
  });
  isClose(t, found.average!.value, rises.reduce((sum, x) => sum + x, 0) / draws, 1e-4);
});

test('worst is the maximum over the ball', async (t) => {
  const { vectors } = symmetricEigen(A);
  const expected = greatestRise(
    SPECTRUM,
    vectors.map((vector) => dot(vector, G)),
    RHO,
  );
  const { worst } = await measured({ ...options('worst'), worstSteps: 100 });
  isClose(t, worst!.value, expected, 1e-3);
  t.true(worst!.value <= expected * (1 + 1e-5));
});

test('worst is not below the other measures of the report, however few its steps', async (t) => {
  const found = await measured({
    ...options(
      'ascent',
      'ascent-n',
      'average',
      'worst',
      'adaptive-ascent',
      'adaptive-average',
      'adaptive-worst',
    ),
    rho: 2,
    worstSteps: 1,
    stepSize: 1e-6,
    restarts: 0,
    draws: 50,
    ascentSteps: 2,
  });
  for (const prefix of ['', 'adaptive-'] as const) {
    t.true(found[`${prefix}worst`]!.value >= found[`${prefix}ascent`]!.value);
    t.true(found[`${prefix}worst`]!.value >= found[`${prefix}average`]!.value);
  }
  t.true(found.worst!.value >= found['ascent-n']!.value);
});

test('worst stays in the ball', async (t) => {
  const objective = new QuadraticObjective(A);
  let farthest = 0;
  const { gradient, loss } = objective;
  const note = (at = objective.space.parameters) => {
    const distance = norm(objective.read(at).map((x, i) => x - START[i]!));
    farthest = Math.max(farthest, distance);
  };
  objective.gradient = (at) => {
    note(at);
    return gradient.call(objective, at);
  };
  objective.loss = (at) => {
    note(at);
    return loss.call(objective, at);
  };
  await measure(objective, { ...options('worst'), stepSize: 3 });
  isClose(t, farthest, RHO, 1e-5);
});

test('adaptive measures are those of the quadratic in w/T, T = |w| + η', async (t) => {
  const eta = 0.02;
  const T = START.map((w) => Math.abs(w) + eta);
  const scaled = A.map((row, i) => row.map((x, j) => T[i]! * x * T[j]!));
  const g = G.map((x, i) => T[i]! * x);
  const found = await measured({
    ...options('adaptive-ascent', 'adaptive-ascent-n', 'adaptive-average', 'adaptive-worst'),
    eta,
    draws: 400,
    worstSteps: 200,
    ascentSteps: 1,
  });
  const ascent = rise(scaled, g, along(g, RHO));
  isClose(t, found['adaptive-ascent']!.value, ascent, 1e-5);
  isClose(t, found['adaptive-ascent-n']!.value, ascent, 1e-5);
  const { values, vectors } = symmetricEigen(scaled);
  const average = (RHO ** 2 / 2) * (values.reduce((sum, x) => sum + x, 0) / SIZE);
  const { value, standardError } = found['adaptive-average']!;
  t.true(Math.abs(value - average) < 4 * standardError, `${value} ± ${standardError}, expected ${average}`);
  const worst = greatestRise(
    values,
    vectors.map((vector) => dot(vector, g)),
    RHO,
  );
  isClose(t, found['adaptive-worst']!.value, worst, 1e-3);
});

test('adaptive measures take η = 0 where a parameter is zero', async (t) => {
  const start = START.map((w, i) => (i % 3 === 0 ? 0 : w));
  const found = await measured(
    { ...options('adaptive-ascent', 'adaptive-worst'), eta: 0 },
    new QuadraticObjective(A, { start }),
  );
  t.true(found['adaptive-ascent']!.value > 0);
  t.true(Number.isFinite(found['adaptive-worst']!.value));
});

test('m-sharpness is the mean of the ascent of each batch, by its samples', async (t) => {
  const parts = [
    { matrix: A, samples: 4 },
    { matrix: diagonal(SPECTRUM), samples: 4 },
    { matrix: rotated(SPECTRUM.map((x) => 2 * x + 1)), samples: 1 },
  ];
  const objective = new QuadraticObjective(A, { parts, samples: 9 });
  const found = await measured({ ...options('ascent', 'm-sharpness'), m: 4 }, objective);
  const expected = parts.map(({ matrix, samples }) => {
    const g = times(matrix, START);
    return (samples / 9) * rise(matrix, g, along(g, RHO));
  });
  isClose(
    t,
    found['m-sharpness']!.value,
    expected.reduce((sum, x) => sum + x, 0),
    1e-5,
  );
  t.like(found['m-sharpness'], { m: 4, batches: 3 });
  t.true(Math.abs(found['m-sharpness']!.cost.gradients - 1) < 1e-12);
});

test('eigenvalues are the largest of the Hessian, and their errors are said', async (t) => {
  const { eigenvalues } = await measured({ ...options('eigenvalues'), eigenvalues: 6, lanczosSteps: SIZE });
  t.is(eigenvalues!.values.length, 6);
  eigenvalues!.values.forEach((value, i) => {
    isClose(t, value, SPECTRUM[i]!, 1e-3);
    t.true(Math.abs(value - SPECTRUM[i]!) <= eigenvalues!.residuals[i]!);
  });
  t.is(eigenvalues!.products, 'differences');
  t.true(eigenvalues!.differenceError! < 1e-3 * SPECTRUM[0]!);
});

test("an eigenvalue's error holds float32's rounding", async (t) => {
  for (const [name, matrix] of Object.entries({ A, diagonal: diagonal(SPECTRUM) })) {
    const objective = new QuadraticObjective(matrix);
    Object.assign(objective, {
      hessianVectorProduct: async (v: Vector, out: Vector) =>
        objective.write(out, times(matrix, objective.read(v))),
    });
    const given = { ...options('eigenvalues'), eigenvalues: SIZE, lanczosSteps: SIZE };
    const { eigenvalues } = await measured(given, objective);
    t.is(eigenvalues!.products, 'exact');
    for (const [i, value] of eigenvalues!.values.entries()) {
      const [error, residual] = [Math.abs(value - SPECTRUM[i]!), eigenvalues!.residuals[i]!];
      t.true(error <= residual, `${name}: ${value} differs by ${error}, said ${residual}`);
      t.true(residual < 1e-5 * SPECTRUM[0]!, `${residual} says nothing`);
    }
  }
});

test('eigenvalues of a multiple of the identity: all the same', async (t) => {
  const objective = new QuadraticObjective(diagonal(SPECTRUM.map(() => 2)));
  const { eigenvalues } = await measured({ ...options('eigenvalues'), eigenvalues: 3 }, objective);
  t.is(eigenvalues!.values.length, 3);
  for (const value of eigenvalues!.values) isClose(t, value, 2, 1e-3);
});

test('trace is exact for a diagonal Hessian, and within four standard errors for another', async (t) => {
  const expected = SPECTRUM.reduce((sum, x) => sum + x, 0);
  const exact = await measured(
    { ...options('trace'), traceDraws: 3 },
    new QuadraticObjective(diagonal(SPECTRUM)),
  );
  isClose(t, exact.trace!.value, expected, 1e-3);
  const { trace } = await measured({ ...options('trace'), traceDraws: 200 });
  t.true(
    Math.abs(trace!.value - expected) < 4 * trace!.standardError,
    `${trace!.value}, expected ${expected}`,
  );
  t.true(trace!.standardError > 0);
});

test('density has the moments of its random directions', async (t) => {
  const draws = 3;
  const { density } = await measured({
    ...options('density'),
    densityDraws: draws,
    lanczosSteps: 12,
    seed: 5,
  });
  const { nodes, weights, curve } = density!;
  const { arena } = new QuadraticObjective(A).space;
  const directions = Array.from({ length: draws }, (_, draw) => {
    const stream = normals(arena.length, 5, randomStream('density', draw));
    return along(
      arena.segments.flatMap(({ first, count }) => [...stream.subarray(first, first + count)]),
      1,
    );
  });
  for (const power of [0, 1, 2, 3, 4]) {
    const moment = nodes.reduce((sum, node, i) => sum + weights[i]! * node ** power, 0);
    const expected = directions.map((q) => {
      let image = q;
      for (let i = 0; i < power; i++) image = times(A, image);
      return dot(q, image) / draws;
    });
    isClose(
      t,
      moment,
      expected.reduce((sum, x) => sum + x, 0),
      1e-3,
    );
  }
  t.deepEqual(
    nodes,
    nodes.toSorted((a, b) => a - b),
  );
  const width = curve.eigenvalue[1]! - curve.eigenvalue[0]!;
  isClose(
    t,
    curve.density.reduce((sum, x) => sum + x * width, 0),
    1,
    1e-2,
  );
});

test('density of all steps has the extreme eigenvalues', async (t) => {
  const { density } = await measured({ ...options('density'), densityDraws: 1, lanczosSteps: 100 });
  isClose(t, density!.nodes.at(-1)!, SPECTRUM[0]!, 1e-3);
  isClose(t, density!.nodes[0]!, SPECTRUM.at(-1)!, 1e-3);
});

test('frozen parameters are not moved, and count in no measure', async (t) => {
  const groups = [{ parameters: 'b.weight', frozen: true }];
  const objective = new QuadraticObjective(A, { groups });
  const free = (i: number) => !(i >= 18 && i < 39);
  const g = G.map((x, i) => (free(i) ? x : 0));
  const block = A.map((row, i) => row.map((x, j) => (free(i) && free(j) ? x : 0)));
  const found = await measured(
    { ...options('ascent', 'worst', 'eigenvalues', 'trace'), eigenvalues: 2, traceDraws: 100 },
    objective,
  );
  isClose(t, found.ascent!.value, rise(block, g, along(g, RHO)), 1e-5);
  const { values, vectors } = symmetricEigen(block);
  for (const [i, value] of found.eigenvalues!.values.entries()) isClose(t, value, values[i]!, 1e-3);
  const worst = greatestRise(
    values,
    vectors.map((vector) => dot(vector, g)),
    RHO,
  );
  isClose(t, found.worst!.value, worst, 1e-3);
  const { value, standardError } = found.trace!;
  t.true(Math.abs(value - values.reduce((sum, x) => sum + x, 0)) < 4 * standardError);
});

test('where the gradient is zero nothing rises', async (t) => {
  const found = await measured(
    options('ascent', 'ascent-n'),
    new QuadraticObjective(A, { start: START.map(() => 0) }),
  );
  t.is(found.ascent!.value, 0);
  t.is(found['ascent-n']!.value, 0);
});

test('every measure leaves the parameters as they are, and the report says what was measured', async (t) => {
  const objective = new QuadraticObjective(A, { samples: 2, parts: [{ matrix: A, samples: 2 }] });
  const report = await measure(objective, { rho: RHO, measures: MEASURE_NAMES, seed: 4 });
  t.deepEqual(objective.read(objective.space.parameters), START);
  t.deepEqual(Object.keys(report.measures), [...MEASURE_NAMES]);
  t.like(report, { rho: RHO, samples: 2, seed: 4, eta: 0.01 });
  isClose(t, report.loss, dot(START, G) / 2, 1e-12);
  t.deepEqual(JSON.parse(JSON.stringify(report)), report);
  const passes = Object.values(report.measures).map(({ cost }) => cost);
  const total = (kind: 'gradients' | 'losses') => passes.reduce((sum, cost) => sum + cost[kind], 0);
  // m-sharpness is measured on another objective.
  t.is(total('gradients'), objective.passes.gradients + 1);
  t.is(total('losses'), objective.passes.losses + 1);
});

test('the same seed gives the same figures, another seed others', async (t) => {
  const given = { ...options('average', 'trace'), draws: 3, traceDraws: 3 };
  const figures = async (seed: number) => {
    const { average, trace } = await measured({ ...given, seed });
    return [average!.value, trace!.value];
  };
  t.deepEqual(await figures(1), await figures(1));
  t.notDeepEqual(await figures(1), await figures(2));
});

test('the gradient at the parameters is computed once for the measures that begin with it', async (t) => {
  const objective = new QuadraticObjective(A);
  await measure(objective, options('ascent', 'adaptive-ascent', 'ascent-n'));
  t.is(objective.passes.gradients, 3);
});

for (const [name, given, says] of [
  ['rho of 0', { rho: 0 }, /rho to be a positive number.*0/],
  ['a rho that is no number', { rho: Number.NaN }, /rho/],
  ['an unknown measure', { measures: ['ascend' as MeasureName] }, /measures.*ascent.*"ascend"/],
  ['no measure', { measures: [] }, /measures/],
  ['no draws', { draws: 0 }, /draws/],
  ['half a step', { ascentSteps: 1.5 }, /ascentSteps/],
  ['a negative seed', { seed: -1 }, /seed/],
  ['a negative eta', { eta: -1 }, /eta/],
  ['a step size of 0', { stepSize: 0 }, /stepSize/],
] as [string, Partial<SharpnessOptions>, RegExp][])
  test(`refused: ${name}`, async (t) => {
    const all = { ...options('ascent'), ...given };
    await t.throwsAsync(measure(new QuadraticObjective(A), all), { code: 'INVALID_ARGUMENT', message: says });
  });

test('a loss that is not finite nearby is said to be so', async (t) => {
  const objective = new QuadraticObjective(A);
  objective.loss = async () => Number.NaN;
  await t.throwsAsync(measure(objective, options('ascent')), { code: 'NOT_FINITE', message: /smaller rho/ });
});
