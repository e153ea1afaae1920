import type { Vector } from '../vectors/parameter-space.js';
import type { Problem } from './optimizer.js';
import { meanGradient } from './toolkit/micro-batches.js';

/**
 * The problem of a step over several micro-batches of one size: its gradient is the mean of theirs.
 * @param whole its passes take the gradient of the batch that has been fed
 * @param count micro-batches
 * @param feed puts micro-batch `index` in place
 * @param total a vector of the space for the sum of the gradients meanwhile
 * @param withParts whether each micro-batch is to be perturbed on its own
 */
export function microBatchProblem(
  whole: Problem,
  count: number,
  feed: (index: number) => Promise<void>,
  total: Vector,
  withParts: boolean,
): Problem {
  const parts = Array.from(
    { length: count },
    (_, index): Problem => ({
      ...whole,
      part: { index, count },
      gradient: async (statistics, at) => {
        await feed(index);
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
