/** A program of the op Region, its instructions with names for numbers. */
export interface RegionProgram {
  readonly axes: readonly number[];
  readonly columns: number;
  readonly inputStrides: readonly (readonly number[])[];
  readonly outputStrides: readonly (readonly number[])[];
  readonly outputDims: readonly (readonly number[])[];
  /** [op, dst, a, b, c]; what an operation does not read may be left out. */
  readonly code: readonly RegionInstruction[];
  readonly constants: readonly number[];
}

export type RegionInstruction = readonly [op: string, dst: number, a: number, b?: number, c?: number];

type Values = ArrayLike<number>;

function erf(x: number): number {
  const a = Math.abs(x);
  if (!(a < 6)) return Number.isNaN(x) ? x : Math.sign(x);
  if (a < 2.5) {
    let term = a;
    let sum = a;
    for (let n = 1; Math.abs(term) > 1e-18 * sum; n++) {
      term *= -(a * a) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  // erfc(a) = exp(−a²)/(√π (a + ½/(a + 1/(a + 3⁄2/(a + …)))))
  let tail = a;
  for (let n = 80; n > 0; n--) tail = a + n / 2 / tail;
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * tail));
}

function roundHalfEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  const up = rest !== 0.5 ? !(rest < 0.5) : low % 2 !== 0;
  const rounded = up ? low + 1 : low;
  return rounded === 0 ? x * 0 : rounded; // of the sign of x
}

const truth = (value: boolean) => (value ? 1 : 0);

const maps: Readonly<Record<string, (a: number, b: number, c: number) => number>> = {
  Neg: (a) => -a,
  Abs: Math.abs,
  Sqrt: Math.sqrt,
  Reciprocal: (a) => 1 / a,
  Exp: Math.exp,
  Log: Math.log,
  Erf: erf,
  Tanh: Math.tanh,
  Sigmoid: (a) => 1 / (1 + Math.exp(-a)),
  Relu: (a) => (a > 0 || Number.isNaN(a) ? a : 0),
  Sign: Math.sign,
  Floor: Math.floor,
  Ceil: Math.ceil,
  Round: roundHalfEven,
  Not: (a) => truth(a === 0),
  Sin: Math.sin,
  Cos: Math.cos,
  Softplus: (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a))),
  Copy: (a) => a,
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
  Max: (a, b) => (a > b || Number.isNaN(a) ? a : b),
  Min: (a, b) => (a < b || Number.isNaN(a) ? a : b),
  Pow: (a, b) => a ** b,
  Equal: (a, b) => truth(a === b),
  Less: (a, b) => truth(a < b),
  LessOrEqual: (a, b) => truth(a <= b),
  Greater: (a, b) => truth(a > b),
  GreaterOrEqual: (a, b) => truth(a >= b),
  And: (a, b) => truth(a !== 0 && b !== 0),
  Or: (a, b) => truth(a !== 0 || b !== 0),
  Where: (a, b, c) => (a !== 0 ? b : c),
  MulAdd: (a, b, c) => Math.fround(a * b) + c,
};

const product = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1);

/**
 * What a program comes to: whole registers one after the other, in float64, each result rounded to float32. The outputs' elements in order.
 */
export function interpretRegion(program: RegionProgram, inputs: readonly Values[]): Float32Array[] {
  const { axes, columns, constants, outputDims } = program;
  const total = product(axes);
  const width = product(axes.slice(axes.length - columns));
  const outputs = outputDims.map((dims) => new Float32Array(product(dims)));
  const registers: Float32Array[] = [];

  /** Where each point of the space lies in a tensor. */
  const offsets = (strides: readonly number[]) => {
    let all = [0];
    for (const [axis, extent] of axes.entries())
      all = all.flatMap((base) => Array.from({ length: extent }, (_, at) => base + at * strides[axis]!));
    return all;
  };
  const value = (operand: number, point: number) =>
    operand >= 0 ? registers[operand]![point]! : Math.fround(constants[-1 - operand]!);

  for (const [op, , a, b = 0, c = 0] of program.code) {
    if (op === 'Load') {
      const at = offsets(program.inputStrides[a]!);
      registers.push(Float32Array.from({ length: total }, (_, point) => inputs[a]![at[point]!]!));
    } else if (op === 'Store') {
      for (const [point, at] of offsets(program.outputStrides[b]!).entries())
        outputs[b]![at] = value(a, point);
    } else if (op === 'ColumnSum') {
      const sums = new Float64Array(outputs[b]!.length);
      for (const [point, at] of offsets(program.outputStrides[b]!).entries()) sums[at]! += value(a, point);
      outputs[b]!.set(sums);
    } else if (op === 'RowSum' || op === 'RowMax') {
      const result = new Float32Array(total);
      for (let row = 0; row < total; row += width) {
        const values = Array.from({ length: width }, (_, column) => value(a, row + column));
        result.fill(
          op === 'RowSum'
            ? values.reduce((sum, each) => sum + each, 0)
            : values.reduce((most, each) => Math.max(most, each), Number.NEGATIVE_INFINITY),
          row,
          row + width,
        );
      }
      registers.push(result);
    } else {
      const map = maps[op]!;
      registers.push(
        Float32Array.from({ length: total }, (_, point) =>
          map(value(a, point), value(b, point), value(c, point)),
        ),
      );
    }
  }
  return outputs;
}
