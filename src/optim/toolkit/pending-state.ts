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
   * @returns the same of all micro-batches that this process has had of the step: `when` to write the next value
   */
  join(problem: Problem, finite: Scalar): Scalar {
    return this.add(problem, finite, isFirstHere(problem));
  }

  /** Behind the micro-batches of this process, each of which added to the next value: adds what those of other ranks did. */
  async gather({ space, parts }: Problem): Promise<void> {
    const ranks = parts?.[0]?.part?.ranks;
    if (ranks) this.gates.set(space, await ranks.sum(this.next(space), this.gates.get(space)!));
  }

  /**
   * Joins a micro-batch whose next value follows from that of the one before: it goes from rank to rank.
   * @param write makes the next value, where `when` is finite
   */
  async inTurn(problem: Problem, finite: Scalar, write: (when: Scalar) => Promise<unknown>): Promise<void> {
    const { space, part } = problem;
    const { ranks } = part ?? {};
    for (let turn = 0; turn < (ranks?.size ?? 1); turn++) {
      if (turn === (ranks?.rank ?? 0)) await write(this.add(problem, finite, isFirst(problem)));
      const gate = this.gates.get(space) ?? finite;
      if (ranks) this.gates.set(space, await ranks.pass(this.next(space), gate, turn));
    }
  }

  private add({ space }: Problem, finite: Scalar, begins: boolean): Scalar {
    const before = begins ? undefined : this.gates.get(space);
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

/** Whether this is the first micro-batch of a step that this process has, or the whole of it. */
export const isFirstHere = ({ part }: Pick<Problem, 'part'>): boolean =>
  (part?.index ?? 0) < (part?.ranks?.size ?? 1);
