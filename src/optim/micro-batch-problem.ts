import type { Vector } from '../vectors/parameter-space.js';
import type { Problem } from './optimizer.js';
import { meanGradient } from './toolkit/micro-batches.js';
import type { Ranks } from './toolkit/ranks.js';

/**
 * The problem of a step over several micro-batches of one size: its gradient is the mean of theirs.
 * @param whole its passes take the gradient of the batch that has been fed
 * @param count micro-batches of this process
 * @param feed puts micro-batch `index` in place
 * @param total a vector of the space for the sum of the gradients meanwhile
 * @param withParts whether each micro-batch is to be perturbed on its own
 * @param ranks have the step's other micro-batches
 */
export function microBatchProblem(
  whole: Problem,
  count: number,
  feed: (index: number) => Promise<void>,
  total: Vector,
  withParts: boolean,
  ranks?: Ranks,
): Problem {
  const { rank, size } = ranks ?? { rank: 0, size: 1 };
  const parts = Array.from(
    { length: count },
    (_, own): Problem => ({
      ...whole,
      part: { index: own * size + rank, count: count * size, ranks },
      gradient: async (statistics, at) => {
        await feed(own);
        return whole.gradient(statistics, at);
      },
    }),
  );
  return {
    ...whole,
    gradient: (statistics, at) => meanGradient(parts, total, (part) => part.gradient(statistics, at)),
    ...(withParts && { parts }),
  };
}
