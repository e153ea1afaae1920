import type { DecomposeContext } from '../context.js';

/** What one direction does in a time step. */
export interface Cell {
  /** Added to every projected input, [G·H]. */
  readonly bias: string | undefined;
  /** Appends a step: from the projected input X·Wᵀ + bias [batch, G·H] and the states [batch, H], the next states; the first is what it puts out. */
  readonly step: (c: DecomposeContext, projected: string, states: readonly string[]) => readonly string[];
}

/** One direction of a recurrent node, before its steps. */
export interface Direction {
  readonly cell: Cell;
  /** [T·batch, G·H] */
  readonly projected: string;
  /** Initial states, [batch, H]. */
  readonly states: readonly string[];
  readonly reverse: boolean;
}

export interface Sizes {
  readonly steps: number;
  readonly batch: number;
  /** G·H */
  readonly rows: number;
  readonly hidden: number;
  /** Zeros [batch, H]. */
  readonly zeros: string;
}

export interface DirectionResult {
  /** Appends what the steps put out, T·batch·H in any shape. */
  readonly output: () => string;
  /** Last states, [batch, H]. */
  readonly states: readonly string[];
}
