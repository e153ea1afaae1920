import type { Vector } from '../../vectors/parameter-space.js';
import { assign, scalar, vector } from '../../vectors/program/expression.js';
import { program } from '../../vectors/program/program.js';
import { Scalar } from '../../vectors/scalar.js';
import type { Problem } from '../optimizer.js';

const [g, total, share] = [vector('g'), vector('total'), scalar('share')];

const begin = program(assign(total, share.times(g)));
const add = program(assign(total, total.plus(share.times(g))));
const finish = program(assign(g, total.plus(share.times(g))));

/**
 * g ← (1/n) Σ gᵢ, with gᵢ what `gradient` leaves in `space.gradient` for micro-batch i.
 * @param parts the micro-batches, all of one size
 * @param total a vector of the space for the sum meanwhile
 * @returns the mean of the losses
 */
export async function meanGradient(
  parts: readonly Problem[],
  total: Vector,
  gradient: (part: Problem) => Promise<Scalar>,
): Promise<Scalar> {
  let loss = Scalar.of(0);
  for (const [index, part] of parts.entries()) {
    loss = loss.plus((await gradient(part)).over(parts.length));
    if (parts.length === 1) break;
    const { space } = part;
    const step = index === 0 ? begin : index < parts.length - 1 ? add : finish;
    await space.run(step, { g: space.gradient, total }, () => ({ share: 1 / parts.length }));
  }
  return loss;
}

/** Number of the random stream of a step, or of a micro-batch that has its own perturbation. */
export const streamOf = ({ step, part }: Problem): number => (part ? step * part.count + part.index : step);
