/** Elementwise expressions over flat vectors, written as the equations are and evaluated in one pass over memory. */
export type Expression =
  | { readonly kind: 'vector'; readonly name: string }
  | { readonly kind: 'scalar'; readonly name: string }
  | { readonly kind: 'unary'; readonly op: UnaryOp; readonly a: Term }
  | { readonly kind: 'binary'; readonly op: BinaryOp; readonly a: Term; readonly b: Term };

/** Operations of one operand: |a|, √a, a², and −1, 0 or 1 by the sign of a. */
export type UnaryOp = 'Abs' | 'Sqrt' | 'Square' | 'Sign';
/** Operations of two operands. MulOrZero: 0 where the first is 0, whatever the second is. */
export type BinaryOp = 'Add' | 'Sub' | 'Mul' | 'Div' | 'Max' | 'MulOrZero';

/** A vector, a scalar (one value per parameter group) or what is computed from them. */
export class Term {
  constructor(
    /** How it is computed. */
    readonly expression: Expression,
  ) {}

  /** this + other */
  plus(other: Term): Term {
    return this.with('Add', other);
  }
  /** this − other */
  minus(other: Term): Term {
    return this.with('Sub', other);
  }
  /** this · other */
  times(other: Term): Term {
    return this.with('Mul', other);
  }
  /** A scalar times a vector: 0 where the scalar is 0, whatever the vector holds there. */
  timesOrZero(vector: Term): Term {
    return this.with('MulOrZero', vector);
  }
  /** this / other */
  over(other: Term): Term {
    return this.with('Div', other);
  }
  /** this² */
  get squared(): Term {
    return new Term({ kind: 'unary', op: 'Square', a: this });
  }
  /** √this */
  get root(): Term {
    return new Term({ kind: 'unary', op: 'Sqrt', a: this });
  }
  /** |this| */
  get magnitude(): Term {
    return new Term({ kind: 'unary', op: 'Abs', a: this });
  }
  /** −1, 0 or 1 */
  get sign(): Term {
    return new Term({ kind: 'unary', op: 'Sign', a: this });
  }
  /** The larger of both; of zeros of different signs, either. */
  max(other: Term): Term {
    return this.with('Max', other);
  }

  private with(op: BinaryOp, other: Term): Term {
    return new Term({ kind: 'binary', op, a: this, b: other });
  }
}

/** A vector of that name: element by element what `ParameterSpace.run` is given for it. */
export const vector = (name: string): Term => new Term({ kind: 'vector', name });
/** A number of that name: what `ParameterSpace.run` is given for it, for each stretch of parameters. */
export const scalar = (name: string): Term => new Term({ kind: 'scalar', name });

/** What a program does to every element, in order: later statements see what earlier ones assigned. */
export type Statement =
  | { readonly kind: 'assign'; readonly target: string; readonly value: Term }
  | { readonly kind: 'sum'; readonly of: 'values' | 'squares'; readonly value: Term };

/** target ← value */
export function assign(target: Term, value: Term): Statement {
  if (target.expression.kind !== 'vector') throw new TypeError('Only a vector can be assigned to.');
  return { kind: 'assign', target: target.expression.name, value };
}

/** One number: Σ value², in float64. */
export const sumOfSquares = (value: Term): Statement => ({ kind: 'sum', of: 'squares', value });

/** One number: Σ value, in float64. */
export const sum = (value: Term): Statement => ({ kind: 'sum', of: 'values', value });

/** One number: Σ a·b; the products are rounded to float32, the sum is in float64. */
export const dot = (a: Term, b: Term): Statement => sum(a.times(b));
