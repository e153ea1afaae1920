import type { Vector } from '../../vectors/parameter-space.js';
import { assign, scalar, vector } from '../../vectors/program/expression.js';
import { program } from '../../vectors/program/program.js';
import { Scalar } from '../../vectors/scalar.js';
import type { Problem } from '../optimizer.js';

const [g, total, share] = [vector('g'), vector('total'), scalar('share')];

const begin = program(assign(total, share.times(g)));
const add = program(assign(total, total.plus(share.times(g))));
const finish = program(assign(g, total.plus(share.times(g))));
const take = program(assign(g, total));

/**
 * g ← (1/n) Σ gᵢ, with gᵢ what `gradient` leaves in `space.gradient` for micro-batch i; over all ranks that share the step.
 * @param parts the micro-batches of this process, all of one size
 * @param given a vector of the space for the sum meanwhile, where no ranks share the step
 * @returns the mean of the losses
 */
export async function meanGradient(
  parts: readonly Problem[],
  given: Vector,
  gradient: (part: Problem) => Promise<Scalar>,
): Promise<Scalar> {
  const [{ space, part: first }] = parts as [Problem];
  const { count, ranks } = first ?? { count: parts.length, ranks: undefined };
  const total = ranks?.total ?? given;
  const losses: Scalar[] = [];
  for (const [index, part] of parts.entries()) {
    losses.push(await gradient(part));
    if (count === 1) break;
    const isLast = index === parts.length - 1 && !ranks;
    const step = index === 0 ? begin : isLast ? finish : add;
    await space.run(step, { g: space.gradient, total }, () => ({ share: 1 / count }));
  }
  const all = ranks ? await ranks.gather(losses) : losses;
  if (ranks) await space.run(take, { g: space.gradient, total });
  return all.reduce((sum, loss) => sum.plus(loss.over(count)), Scalar.of(0));
}

/** Number of the random stream of a step, or of a micro-batch that has its own perturbation. */
export const streamOf = ({ step, part }: Problem): number => (part ? step * part.count + part.index : step);
