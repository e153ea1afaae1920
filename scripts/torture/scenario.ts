import type { Random } from './random.js';
import type { Subject } from './subject.js';

/** One case, in an empty folder. */
export interface Case {
  readonly subject: Subject;
  readonly dir: string;
  readonly random: Random;
}

/** What a case came to. */
export interface Verdict {
  /** Kills, cuts or flips in it. Default 1. */
  readonly count?: number;
  /** What was not as promised. */
  readonly faults: readonly string[];
}

export type Scenario = (each: Case) => Promise<Verdict>;
