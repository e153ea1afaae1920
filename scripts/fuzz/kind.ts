import type { Draw } from './draw.js';

/** What a case came to. 'value': it went through; 'refused': a FlatminError; 'fault': anything else. */
export interface Outcome {
  readonly state: 'value' | 'refused' | 'fault';
  /** Of a fault: what happened. */
  readonly message?: string;
  /** It took long, but not in JavaScript: see LIMITS. */
  readonly isSlow?: boolean;
}

/** What a case is drawn from, and where its files are. */
export interface CaseContext {
  readonly draw: Draw;
  /** An empty folder, which stays where the case fails. */
  readonly folder: string;
  /** More models to mutate: files or folders. */
  readonly corpus: readonly string[];
}

/** A kind of cases. */
export interface Kind {
  readonly name: string;
  /** One line for the help. */
  readonly about: string;
  /** Cases of a run that names no number. */
  readonly count: number;
  /** Makes one case and tries it. What it throws is judged: a FlatminError is a refusal, all else a fault. */
  run(context: CaseContext): Promise<Outcome>;
}

export const value: Outcome = { state: 'value' };
export const fault = (message: string): Outcome => ({ state: 'fault', message });
