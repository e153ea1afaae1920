import test from 'ava';
import { FlatminError } from '../../../src/errors.js';
import { axis } from '../../../src/landscape/axis.js';
import { randomDirection } from '../../../src/landscape/directions.js';
import { lossCurve, lossSurface } from '../../../src/landscape/surface.js';
import { FakeObjective } from './fake-objective.js';

async function setUp(frozen: readonly string[] = []) {
  const objective = new FakeObjective(frozen);
  const first = await randomDirection(objective.space, { seed: 0, stream: 0 });
  const second = await randomDirection(objective.space, { seed: 0, stream: 1 });
  return { objective, first, second, w: objective.space.parameters };
}

const as = axis(-1, 1, 7, [0]);
const bs = axis(-0.5, 2, 5, [0]);

test('a curve of a quadratic is L(w) + a dᵀAw + a² dᵀAd/2', async (t) => {
  const { objective, first, w } = await setUp();
  const before = objective.bytes;
  const losses = await lossCurve(objective, first, as);
  const [own, cross, square] = [
    await objective.loss(),
    objective.form(first.vector, w),
    objective.form(first.vector, first.vector) / 2,
  ];
  as.forEach((a, i) => {
    t.true(Math.abs(losses[i]! - (own + a * cross + a * a * square)) < 1e-4, `a = ${a}`);
  });
  t.is(losses[3], own, 'the run itself is among the points');
  t.deepEqual(objective.bytes, before);
});

test('a surface of a quadratic has the cross term of its directions, rows for b and columns for a', async (t) => {
  const { objective, first, second, w } = await setUp(['dense.weight']);
  const before = objective.bytes;
  const calls: number[] = [];
  const losses = await lossSurface(objective, [first, second], [as, bs], {
    onPoint: (done) => calls.push(done),
  });
  const [d1, d2] = [first.vector, second.vector];
  const own = await objective.loss();
  bs.forEach((b, j) => {
    as.forEach((a, i) => {
      const linear = a * objective.form(d1, w) + b * objective.form(d2, w);
      const square = (a * a * objective.form(d1, d1) + b * b * objective.form(d2, d2)) / 2;
      const expected = own + linear + square + a * b * objective.form(d1, d2);
      t.true(Math.abs(losses[j]![i]! - expected) < 1e-4 * Math.max(1, expected), `a = ${a}, b = ${b}`);
    });
  });
  t.deepEqual(
    calls,
    Array.from({ length: 35 }, (_, i) => i),
  );
  t.deepEqual(objective.bytes, before);
});

test('a loss that is not finite is a hole; other failures come out', async (t) => {
  const { objective, first } = await setUp();
  const failures: (() => number)[] = [
    () => Number.NaN,
    () => {
      throw new FlatminError('NOT_FINITE', 'The loss is Infinity.');
    },
    () => 1,
  ];
  objective.loss = async () => failures.shift()!();
  t.deepEqual(await lossCurve(objective, first, [0, 1, 2]), [null, null, 1]);
  objective.loss = async () => {
    throw new FlatminError('RUNTIME', 'broken');
  };
  await t.throwsAsync(lossCurve(objective, first, [0]), { message: 'broken' });
});

test('axes have the marks among their points, and refuse what makes none', (t) => {
  t.deepEqual(axis(-1, 1, 5, [0]), [-1, -0.5, 0, 0.5, 1]);
  const between = axis(-0.5, 1.5, 51, [0, 1]);
  t.is(between.length, 51);
  t.true(between.includes(0) && between.includes(1));
  t.deepEqual(
    [...between].sort((a, b) => a - b),
    between,
  );
  t.throws(() => axis(-1, 1, 2, []), { code: 'INVALID_ARGUMENT', message: /points/ });
  t.throws(() => axis(-1, 1, 1e9, []), { code: 'INVALID_ARGUMENT', message: /points.* 3 to 10000/ });
  t.throws(() => axis(1, 1, 5, []), { code: 'INVALID_ARGUMENT', message: /span/ });
});
