import { FlatminError } from '../errors.js';
import type { ParameterSpace, Vector } from '../vectors/parameter-space.js';
import { assign, dot, scalar, sumOfSquares, vector } from '../vectors/program/expression.js';
import { program } from '../vectors/program/program.js';
import { type FilterAxis, normalizeFilters } from './filter-normalization.js';

const [d, e, f] = [vector('d'), vector('e'), vector('f')];
const squares = program(sumOfSquares(d));
const product = program(dot(d, e));
const difference = program(assign(d, e.minus(f)));
const removeMultiple = program(assign(d, d.minus(scalar('factor').times(e))));
const rescale = program(assign(d, d.times(scalar('factor'))));

/** A direction in parameter space, of the layout of the parameters. */
export interface Direction {
  readonly name: string;
  readonly vector: Vector;
  /** Its norm. */
  readonly norm: number;
}

/** d ~ N(0, I) of a seed and stream, filter-normalised: see normalizeFilters. Frozen parameters do not move. */
export async function randomDirection(
  space: ParameterSpace,
  { seed, stream, filterAxis }: { seed: number; stream: number; filterAxis?: FilterAxis },
): Promise<Direction> {
  const made = space.vector();
  await space.fillNormal(made, seed, stream);
  return filterNormalized('random', space, made, filterAxis);
}

/** The gradient that is in `space.gradient`, filter-normalised. */
export async function gradientDirection(space: ParameterSpace, filterAxis?: FilterAxis): Promise<Direction> {
  const made = space.vector();
  await space.device.copy(space.gradient, made);
  return filterNormalized('gradient', space, made, filterAxis);
}

/** From the parameters to another point: all of them, not normalised. */
export async function directionTo(space: ParameterSpace, target: Vector): Promise<Direction> {
  const made = space.vector();
  await space.run(difference, { d: made, e: target, f: space.parameters });
  const norm = await normOf(space, made);
  if (norm === 0)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      'Both runs have the same parameters: there is no line between them.',
    );
  return { name: 'to', vector: made, norm };
}

/** Makes a direction orthogonal to another, and as long: d ← d − ⟨d, e⟩/‖e‖² e, then d ← d ‖e‖/‖d‖. */
export async function orthogonalize(
  space: ParameterSpace,
  direction: Direction,
  to: Direction,
): Promise<Direction> {
  const vectors = { d: direction.vector, e: to.vector };
  const [overlap] = await space.sums(product, vectors);
  await space.run(removeMultiple, vectors, () => ({ factor: overlap! / to.norm ** 2 }));
  const rest = await normOf(space, direction.vector);
  if (rest === 0)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      'The directions of the axes are parallel: choose another seed.',
    );
  await space.run(rescale, vectors, () => ({ factor: to.norm / rest }));
  return { ...direction, norm: await normOf(space, direction.vector) };
}

async function filterNormalized(
  name: string,
  space: ParameterSpace,
  made: Vector,
  filterAxis: FilterAxis = () => 0,
): Promise<Direction> {
  const { arena, parameters } = space;
  for (const segment of arena.segments) {
    const values = arena.read(made, segment.name);
    normalizeFilters(values, arena.read(parameters, segment.name), segment.dims, filterAxis(segment.name));
    arena.write(made, segment.name, values);
  }
  return { name, vector: made, norm: await normOf(space, made) };
}

async function normOf(space: ParameterSpace, of: Vector): Promise<number> {
  const [sum] = await space.sums(squares, { d: of });
  return Math.sqrt(sum!);
}
