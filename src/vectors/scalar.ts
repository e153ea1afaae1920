/** How a number comes about. A cell is a float64 on a device, written by a program that has been queued. */
export type ScalarExpression =
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'cell'; readonly cell: Cell }
  | { readonly kind: 'unary'; readonly op: ScalarUnaryOp; readonly a: Scalar }
  | { readonly kind: 'binary'; readonly op: ScalarBinaryOp; readonly a: Scalar; readonly b: Scalar };

/** A float64 on a device. */
export interface Cell {
  /** Reads it from the device. */
  load(): Promise<number>;
}

/** Operations of one number: √a, a rounded to float32, and `Scalar.invertibleOrZero`. */
export type ScalarUnaryOp = 'Sqrt' | 'Float32' | 'InvertibleOrZero';
/** Operations of two numbers. DivOrZero: 0 where the divisor is not positive. */
export type ScalarBinaryOp = 'Add' | 'Sub' | 'Mul' | 'Div' | 'DivOrZero' | 'Min' | 'Max';

const unary: Record<ScalarUnaryOp, (a: number) => number> = {
  Sqrt: Math.sqrt,
  Float32: Math.fround,
  InvertibleOrZero: (a) => {
    const inverse = Math.fround(1 / a);
    return a > 0 && inverse > 0 && Number.isFinite(inverse) ? a : 0;
  },
};

/** NaN if an operand is, also of Min and Max; DivOrZero excepted. */
const binary: Record<ScalarBinaryOp, (a: number, b: number) => number> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
  DivOrZero: (a, b) => (b > 0 ? a / b : 0),
  Min: Math.min,
  Max: Math.max,
};

/**
 * A number that a device computes: known at once on the CPU; on a GPU used there by the programs that are queued behind it, and known
 * here when the device has got there. Arithmetic is float64; what is computed from known numbers is known.
 */
export class Scalar {
  constructor(
    /** How it comes about. */
    readonly expression: ScalarExpression,
  ) {}

  /** A number that is known; a Scalar as it is. */
  static of(value: number | Scalar): Scalar {
    return value instanceof Scalar ? value : new Scalar({ kind: 'constant', value });
  }

  /** The value where it is known already. */
  get known(): number | undefined {
    return this.expression.kind === 'constant' ? this.expression.value : undefined;
  }

  /** Waits for the value. Ask when the number is still of interest to the device: cells are used again after some thousand programs. */
  async read(): Promise<number> {
    const { expression } = this;
    switch (expression.kind) {
      case 'constant':
        return expression.value;
      case 'cell':
        return expression.cell.load();
      case 'unary':
        return unary[expression.op](await expression.a.read());
      case 'binary': {
        const [a, b] = await Promise.all([expression.a.read(), expression.b.read()]);
        return binary[expression.op](a, b);
      }
    }
  }

  /** Whether it comes about in the same way from the same numbers. */
  equals(other: Scalar): boolean {
    const [x, y] = [this.expression, other.expression];
    if (x === y) return true;
    if (x.kind === 'constant') return y.kind === 'constant' && Object.is(x.value, y.value);
    if (x.kind === 'cell') return y.kind === 'cell' && x.cell === y.cell;
    if (x.kind === 'unary') return y.kind === 'unary' && x.op === y.op && x.a.equals(y.a);
    return y.kind === 'binary' && x.op === y.op && x.a.equals(y.a) && x.b.equals(y.b);
  }

  /** this + other */
  plus(other: Scalar | number): Scalar {
    return this.with('Add', other);
  }
  /** this − other */
  minus(other: Scalar | number): Scalar {
    return this.with('Sub', other);
  }
  /** this · other */
  times(other: Scalar | number): Scalar {
    return this.with('Mul', other);
  }
  /** this / other */
  over(other: Scalar | number): Scalar {
    return this.with('Div', other);
  }
  /** The smaller of both; NaN if one is. */
  min(other: Scalar | number): Scalar {
    return this.with('Min', other);
  }
  /** The larger of both; NaN if one is. */
  max(other: Scalar | number): Scalar {
    return this.with('Max', other);
  }
  /** this/other, or 0 where `other` is not positive. */
  overOrZero(other: Scalar | number): Scalar {
    return this.with('DivOrZero', other);
  }
  /** √this */
  get root(): Scalar {
    return this.apply('Sqrt');
  }
  /** Rounded to float32: infinite where it is too large for that. */
  get float32(): Scalar {
    return this.apply('Float32');
  }
  /** x, or 0 where x is not positive, or 1/x is no finite positive float32: a denormal length cannot be normalised. */
  get invertibleOrZero(): Scalar {
    return this.apply('InvertibleOrZero');
  }

  private apply(op: ScalarUnaryOp): Scalar {
    return this.known === undefined
      ? new Scalar({ kind: 'unary', op, a: this })
      : Scalar.of(unary[op](this.known));
  }

  private with(op: ScalarBinaryOp, other: Scalar | number): Scalar {
    const b = Scalar.of(other);
    return this.known === undefined || b.known === undefined
      ? new Scalar({ kind: 'binary', op, a: this, b })
      : Scalar.of(binary[op](this.known, b.known));
  }
}
