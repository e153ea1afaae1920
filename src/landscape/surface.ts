import { FlatminError } from '../errors.js';
import type { Objective } from '../sharpness/objective.js';
import type { Vector } from '../vectors/parameter-space.js';
import { assign, scalar, vector } from '../vectors/program/expression.js';
import { program } from '../vectors/program/program.js';
import type { Direction } from './directions.js';

const [w, p, d1, d2] = [vector('w'), vector('p'), vector('d1'), vector('d2')];
const line = program(assign(p, w.plus(scalar('a').times(d1))));
const plane = program(assign(p, w.plus(scalar('a').times(d1)).plus(scalar('b').times(d2))));

export interface SurfaceOptions {
  /** Called before each loss with the number of losses done. @throws to stop */
  onPoint?: (done: number) => void;
}

/**
 * Losses at w + a·d, in a vector of its own: the parameters w are never written.
 * @returns one loss for each a; null where it is not finite
 */
export async function lossCurve(
  objective: Objective,
  direction: Direction,
  as: readonly number[],
  { onPoint }: SurfaceOptions = {},
): Promise<(number | null)[]> {
  const { space } = objective;
  const point = await pointVector(objective);
  const losses: (number | null)[] = [];
  for (const a of as) {
    onPoint?.(losses.length);
    await space.run(line, { w: space.parameters, p: point, d1: direction.vector }, () => ({ a }));
    losses.push(await lossAt(objective, point));
  }
  return losses;
}

/**
 * Losses at w + a·d₁ + b·d₂, in a vector of its own: the parameters w are never written.
 * @returns losses[j][i] at (as[i], bs[j]); null where it is not finite
 */
export async function lossSurface(
  objective: Objective,
  [first, second]: readonly [Direction, Direction],
  [as, bs]: readonly [readonly number[], readonly number[]],
  { onPoint }: SurfaceOptions = {},
): Promise<(number | null)[][]> {
  const { space } = objective;
  const point = await pointVector(objective);
  const vectors = { w: space.parameters, p: point, d1: first.vector, d2: second.vector };
  const losses: (number | null)[][] = [];
  for (const b of bs) {
    const row: (number | null)[] = [];
    for (const a of as) {
      onPoint?.(losses.length * as.length + row.length);
      await space.run(plane, vectors, () => ({ a, b }));
      row.push(await lossAt(objective, point));
    }
    losses.push(row);
  }
  return losses;
}

async function pointVector({ space }: Objective): Promise<Vector> {
  const point = space.vector();
  await space.copyFrozen(point);
  return point;
}

/** Far from a minimum losses overflow; the surface has a hole there. */
async function lossAt(objective: Objective, point: Vector): Promise<number | null> {
  try {
    const loss = await objective.loss(point);
    return Number.isFinite(loss) ? loss : null;
  } catch (error) {
    if (error instanceof FlatminError && error.code === 'NOT_FINITE') return null;
    throw error;
  }
}
