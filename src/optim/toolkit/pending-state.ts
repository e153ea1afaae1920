import type { ParameterSpace, Vector } from '../../vectors/parameter-space.js';
import { assign, vector } from '../../vectors/program/expression.js';
import { program } from '../../vectors/program/program.js';
import type { Scalar } from '../../vectors/scalar.js';
import type { StateVectors } from '../../vectors/state-vectors.js';
import type { Problem } from '../optimizer.js';

const commit = program(assign(vector('state'), vector('next')));

/** A state vector whose next value is built while a step goes on, micro-batch by micro-batch, and taken only if the step is. */
export class PendingState {
  private readonly gates = new WeakMap<ParameterSpace, Scalar>();

  constructor(
    private readonly vectors: StateVectors,
    private readonly name: string,
  ) {}

  /** The value before the step. */
  current(space: ParameterSpace): Vector {
    return this.vectors.get(space, this.name);
  }

  /** Where the step writes the next value. */
  next(space: ParameterSpace): Vector {
    return this.vectors.get(space, `next ${this.name}`);
  }

  /**
   * Joins a micro-batch (or the whole batch) to the step.
   * @param finite a number that is finite exactly if what the micro-batch adds is
   * @returns the same of all micro-batches of the step so far: `when` to write the next value
   */
  join({ space, part }: Problem, finite: Scalar): Scalar {
    const before = isFirst({ part }) ? undefined : this.gates.get(space);
    const gate = before ? finite.plus(before.times(0)) : finite;
    this.gates.set(space, gate);
    return gate;
  }

  /** state ← next, unless a part or the step itself was not finite. */
  async commit(space: ParameterSpace, when: Scalar): Promise<void> {
    const vectors = { state: this.current(space), next: this.next(space) };
    await space.run(commit, vectors, undefined, { when: when.plus(this.gates.get(space)!.times(0)) });
  }
}

/** Whether this is the first micro-batch of a step, or the whole of it. */
export const isFirst = ({ part }: Pick<Problem, 'part'>): boolean => (part?.index ?? 0) === 0;
