import test from 'ava';
import {
  directionTo,
  gradientDirection,
  orthogonalize,
  randomDirection,
} from '../../../src/landscape/directions.js';
import { normalizeFilters } from '../../../src/landscape/filter-normalization.js';
import { FakeObjective, tensors } from './fake-objective.js';

const norm = (values: ArrayLike<number>): number => Math.hypot(...Array.from(values));
const near = (actual: number, expected: number, tolerance = 1e-5) =>
  Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected));

test('every filter of a random direction has the norm of that filter of the weights, and its own direction', async (t) => {
  const { space } = new FakeObjective();
  const raw = space.vector();
  await space.fillNormal(raw, 7, 3);
  const { vector, norm: length } = await randomDirection(space, { seed: 7, stream: 3 });
  let squares = 0;
  for (const { name, dims } of tensors.filter((tensor) => tensor.dims.length > 1)) {
    const [w, z, d] = [space.parameters, raw, vector].map((each) => space.arena.read(each, name));
    const size = w!.length / dims[0]!;
    for (let filter = 0; filter < dims[0]!; filter++) {
      const part = (values: Float32Array) => values.slice(filter * size, (filter + 1) * size);
      const scale = norm(part(w!)) / norm(part(z!));
      part(d!).forEach((value, i) => {
        t.true(near(value, scale * part(z!)[i]!), `${name} filter ${filter} element ${i}`);
      });
    }
    squares += norm(d!) ** 2;
  }
  t.true(near(length, Math.sqrt(squares)));
});

test('biases and scales of BatchNorm do not move', async (t) => {
  const objective = new FakeObjective();
  const random = await randomDirection(objective.space, { seed: 0, stream: 0 });
  await objective.gradient();
  const gradient = await gradientDirection(objective.space);
  for (const { vector } of [random, gradient]) {
    for (const name of ['bn.scale', 'dense.bias'])
      t.true(objective.read(vector, name).every((value) => value === 0));
    t.true(objective.read(vector, 'dense.weight').some((value) => value !== 0));
  }
});

test('filters are counted along another axis where weights are stored transposed', (t) => {
  const weights = Float32Array.of(3, 0, 4, 0, 0, 2);
  const direction = Float32Array.of(1, 1, 0, 1, 0, 1);
  normalizeFilters(direction, weights, [3, 2], 1);
  // Columns: weights (3, 4, 0) and (0, 0, 2); direction (1, 0, 0) and (1, 1, 1).
  const expected = [5, 2 / Math.sqrt(3), 0, 2 / Math.sqrt(3), 0, 2 / Math.sqrt(3)];
  expected.forEach((value, i) => {
    t.true(near(direction[i]!, value), `element ${i}`);
  });
});

test('a zero filter of a direction stays zero; one of the weights makes it zero', (t) => {
  const direction = Float32Array.of(0, 0, 1, 2);
  normalizeFilters(direction, Float32Array.of(1, 2, 0, 0), [2, 2]);
  t.deepEqual([...direction], [0, 0, 0, 0]);
});

test('frozen parameters do not move', async (t) => {
  const { space } = new FakeObjective(['dense.weight']);
  const { vector } = await randomDirection(space, { seed: 0, stream: 0 });
  t.true(space.arena.read(vector, 'dense.weight').every((value) => value === 0));
});

test('the direction to another run is the difference of all parameters', async (t) => {
  const objective = new FakeObjective();
  const { space } = objective;
  const other = space.vector();
  await space.fillNormal(other, 1, 1);
  const { vector } = await directionTo(space, other);
  for (const { name } of tensors) {
    const [w, o, d] = [space.parameters, other, vector].map((each) => objective.read(each, name));
    t.deepEqual(
      d,
      o!.map((value, i) => Math.fround(value - w![i]!)),
    );
  }
  await t.throwsAsync(directionTo(space, space.parameters), {
    code: 'INVALID_ARGUMENT',
    message: /same parameters/,
  });
});

test('an orthogonalised direction is orthogonal to the other and as long', async (t) => {
  const objective = new FakeObjective();
  const { space } = objective;
  const other = space.vector();
  await space.fillNormal(other, 1, 1);
  const line = await directionTo(space, other);
  const made = await orthogonalize(space, await randomDirection(space, { seed: 0, stream: 0 }), line);
  let product = 0;
  for (const { name } of tensors) {
    const d = objective.read(made.vector, name);
    product += objective.read(line.vector, name).reduce((sum, value, i) => sum + value * d[i]!, 0);
  }
  t.true(Math.abs(product) < 1e-5 * line.norm ** 2);
  t.true(near(made.norm, line.norm));
});
