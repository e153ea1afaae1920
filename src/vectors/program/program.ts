import { type CompiledProgram, compile } from './compile.js';
import type { Statement } from './expression.js';

/** Statements to be run on any vectors of equal layout; each device makes of them what it runs when it first does. */
export class VectorProgram {
  /** @internal */
  readonly compiled: CompiledProgram;

  /** @throws TypeError on what is no elementwise program */
  constructor(
    /** In the order in which they are run. */
    readonly statements: readonly Statement[],
  ) {
    this.compiled = compile(statements);
  }
}

/** Makes a program of statements, once for any number of runs. @throws TypeError on what is no elementwise program */
export const program = (...statements: readonly Statement[]): VectorProgram => new VectorProgram(statements);
