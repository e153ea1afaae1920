import type { Optimizer, Problem } from '../../optim/optimizer.js';
import { GRADIENT, type Spans } from './spans.js';

/** An optimizer that keeps when its gradients were computed. */
export function tracedOptimizer(optimizer: Optimizer, spans: Spans): Optimizer {
  return {
    step: (problem) => optimizer.step(tracedProblem(problem, spans)),
    state: (space) => optimizer.state(space),
    describe: () => optimizer.describe(),
  };
}

const tracedProblem = (problem: Problem, spans: Spans): Problem => ({
  ...problem,
  gradient: (statistics, at) =>
    spans.around(GRADIENT, () => problem.gradient(statistics, at), { step: problem.step + 1, statistics }),
});
