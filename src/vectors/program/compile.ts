import type { ProgramSizes } from '../../addon/types.js';
import type { BinaryOp, Statement, Term, UnaryOp } from './expression.js';

type VectorOp = Exclude<BinaryOp, 'MulOrZero'>;

/**
 * Registers hold one element each. `Load`: register dst ← vector a; `Store`: vector dst ← register a; sums add register a to number dst;
 * with `Scalar` in its name the scalar is b, `FillScalar` alone has it in a.
 */
export type VectorOpcode =
  | 'Load'
  | 'Store'
  | VectorOp
  | `${VectorOp}Scalar`
  | 'ScalarSub'
  | 'ScalarDiv'
  | 'MulScalarOrZero'
  | UnaryOp
  | 'FillScalar'
  | 'Sum'
  | 'SumSquares';

export interface Instruction {
  readonly op: VectorOpcode;
  readonly dst: number;
  readonly a: number;
  readonly b: number;
}

export interface CompiledProgram {
  /** Every register is written once; a vector is loaded at most once, and never after it was stored to. */
  readonly instructions: readonly Instruction[];
  readonly sizes: ProgramSizes;
  /** Order of the vectors the program is run with. */
  readonly vectors: readonly string[];
  /** Order of the scalars in a row of the table. */
  readonly scalars: readonly string[];
}

/** Turns statements into register code. A subexpression used twice is computed once. @throws TypeError where a scalar is computed */
export function compile(statements: readonly Statement[]): CompiledProgram {
  return new Compiler().compile(statements);
}

class Compiler {
  private readonly instructions: Instruction[] = [];
  private readonly vectors: string[] = [];
  private readonly scalars: string[] = [];
  private registers = 0;
  private accumulators = 0;
  /** Register of a term, valid until a vector it reads is assigned. */
  private readonly computed = new Map<Term, number>();
  /** Register that holds a vector's present value. */
  private readonly current = new Map<string, number>();

  compile(statements: readonly Statement[]): CompiledProgram {
    for (const statement of statements) {
      const register = this.evaluate(statement.value);
      if (statement.kind === 'sum') {
        this.emit(statement.of === 'squares' ? 'SumSquares' : 'Sum', this.accumulators++, register, 0);
        continue;
      }
      this.emit('Store', this.slot(statement.target), register, 0);
      this.forget(statement.target);
      this.current.set(statement.target, register);
    }
    const sizes = {
      registers: this.registers,
      slots: this.vectors.length,
      scalars: this.scalars.length,
      accumulators: this.accumulators,
    };
    const { instructions, vectors, scalars } = this;
    return { instructions, sizes, vectors, scalars };
  }

  private evaluate(term: Term): number {
    const { expression } = term;
    if (expression.kind === 'vector') {
      const known = this.current.get(expression.name);
      if (known !== undefined) return known;
      const register = this.emitTo('Load', this.slot(expression.name), 0);
      this.current.set(expression.name, register);
      return register;
    }
    const known = this.computed.get(term);
    if (known !== undefined) return known;
    const register = this.compute(term);
    this.computed.set(term, register);
    return register;
  }

  private compute({ expression }: Term): number {
    switch (expression.kind) {
      case 'unary':
        return this.emitTo(expression.op, this.evaluate(expression.a), 0);
      case 'binary': {
        const { op, a, b } = expression;
        if (a.expression.kind === 'scalar' && b.expression.kind === 'scalar') {
          throw new TypeError(
            'A product of scalars is a scalar of its own: compute it before the program runs.',
          );
        }
        if (op === 'MulOrZero') {
          if (a.expression.kind !== 'scalar')
            throw new TypeError('Only a scalar is multiplied with a vector by timesOrZero.');
          return this.emitTo('MulScalarOrZero', this.evaluate(b), this.scalarIndex(a.expression.name));
        }
        if (b.expression.kind === 'scalar')
          return this.emitTo(`${op}Scalar`, this.evaluate(a), this.scalarIndex(b.expression.name));
        if (a.expression.kind === 'scalar') {
          const reversed = op === 'Sub' || op === 'Div' ? (`Scalar${op}` as const) : (`${op}Scalar` as const);
          return this.emitTo(reversed, this.evaluate(b), this.scalarIndex(a.expression.name));
        }
        return this.emitTo(op, this.evaluate(a), this.evaluate(b));
      }
      case 'scalar':
        return this.emitTo('FillScalar', this.scalarIndex(expression.name), 0);
      default:
        throw new TypeError('A vector is loaded, not computed.');
    }
  }

  /** Drops the terms that read a vector which has changed. */
  private forget(name: string): void {
    for (const term of this.computed.keys()) if (reads(term, name)) this.computed.delete(term);
  }

  private emitTo(op: VectorOpcode, a: number, b: number): number {
    const register = this.registers++;
    this.emit(op, register, a, b);
    return register;
  }

  private emit(op: VectorOpcode, dst: number, a: number, b: number): void {
    this.instructions.push({ op, dst, a, b });
  }

  private slot(name: string): number {
    return indexOf(this.vectors, name);
  }

  private scalarIndex(name: string): number {
    return indexOf(this.scalars, name);
  }
}

function indexOf(list: string[], name: string): number {
  const known = list.indexOf(name);
  return known >= 0 ? known : list.push(name) - 1;
}

function reads({ expression }: Term, name: string): boolean {
  switch (expression.kind) {
    case 'vector':
      return expression.name === name;
    case 'scalar':
      return false;
    case 'unary':
      return reads(expression.a, name);
    case 'binary':
      return reads(expression.a, name) || reads(expression.b, name);
  }
}
