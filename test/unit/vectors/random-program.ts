import type { DeviceBuffer } from '../../../src/addon/types.js';
import { allocate } from '../../../src/ort/session.js';
import type { Range } from '../../../src/vectors/device/device.js';
import {
  assign,
  type BinaryOp,
  type Statement,
  scalar,
  sum,
  sumOfSquares,
  Term,
  type UnaryOp,
  vector,
} from '../../../src/vectors/program/expression.js';
import type { RandomStream } from '../../gradcheck/random.js';

export type Vectors = Record<string, Float32Array>;
export type Scalars = Record<string, number>;

const round = Math.fround;
const unary: Record<UnaryOp, (x: number) => number> = {
  Abs: Math.abs,
  Sqrt: Math.sqrt,
  Square: (x) => x * x,
  Sign: Math.sign,
};
/** The second of equal ones, which may be zeros of different signs. */
const max = (x: number, y: number): number => (x > y || Number.isNaN(x) ? x : y);

/** NaN if an operand is, also in Max. */
const binary: Record<BinaryOp, (x: number, y: number) => number> = {
  Add: (x, y) => x + y,
  Sub: (x, y) => x - y,
  Mul: (x, y) => x * y,
  Div: (x, y) => x / y,
  Max: max,
  MulOrZero: (x, y) => (x === 0 ? 0 : x * y),
};

function evaluate({ expression }: Term, vectors: Vectors, scalars: Scalars, i: number): number {
  switch (expression.kind) {
    case 'vector':
      return vectors[expression.name]![i]!;
    case 'scalar':
      return round(scalars[expression.name]!);
    case 'unary':
      return round(unary[expression.op](evaluate(expression.a, vectors, scalars, i)));
    case 'binary': {
      const { op, a, b } = expression;
      // The program for a scalar and a vector takes the vector first.
      const isSwapped = op === 'Max' && a.expression.kind === 'scalar' && b.expression.kind !== 'scalar';
      const [x, y] = (isSwapped ? [b, a] : [a, b]).map((each) => evaluate(each, vectors, scalars, i));
      return round(binary[op](x!, y!));
    }
  }
}

/** MulOrZero takes a scalar and a vector alone. */
const anyOperands = (Object.keys(binary) as BinaryOp[]).filter((op) => op !== 'MulOrZero');

/** The statements one element at a time, one float32 rounding an operation. Changes the vectors, returns the sums. */
export function interpret(
  statements: readonly Statement[],
  vectors: Vectors,
  ranges: readonly (Range & { scalars: Scalars })[],
): number[] {
  const sums = statements.filter(({ kind }) => kind === 'sum').map(() => 0);
  for (const { first, count, scalars } of ranges) {
    for (let i = first; i < first + count; i++) {
      let sum = 0;
      for (const statement of statements) {
        const value = evaluate(statement.value, vectors, scalars, i);
        if (statement.kind === 'assign') vectors[statement.target]![i] = value;
        else sums[sum++]! += statement.of === 'squares' ? value * value : value;
      }
    }
  }
  return sums;
}

const names = ['a', 'b', 'c', 'd'];

export function randomVectors(random: RandomStream, length: number): Vectors {
  return Object.fromEntries(
    names.map((name) => [name, Float32Array.from({ length }, () => round(random.normal()))]),
  );
}

export function upload(vectors: Vectors): Record<string, DeviceBuffer> {
  return Object.fromEntries(
    Object.entries(vectors).map(([name, values]) => {
      const buffer = allocate(values.byteLength);
      buffer.write(values);
      return [name, buffer];
    }),
  );
}

export function download(buffers: Record<string, DeviceBuffer>): Vectors {
  return Object.fromEntries(
    Object.entries(buffers).map(([name, buffer]) => {
      const values = new Float32Array(buffer.byteLength / 4);
      buffer.read(values);
      return [name, values];
    }),
  );
}

const pick = <T>(random: RandomStream, list: readonly T[]): T =>
  list[Math.floor(random.uniform(0, list.length))]!;

/** A random vector expression; earlier terms are used again at times, so that subexpressions are common. */
function randomTerm(random: RandomStream, depth: number, earlier: Term[]): Term {
  if (depth === 0 || random.uniform(0, 1) < 0.15) return vector(pick(random, names));
  if (earlier.length > 0 && random.uniform(0, 1) < 0.2) return pick(random, earlier);
  const a = randomTerm(random, depth - 1, earlier);
  let term: Term;
  if (random.uniform(0, 1) < 0.3) {
    const op = pick(random, Object.keys(unary) as UnaryOp[]);
    term = new Term({ kind: 'unary', op, a });
  } else {
    const op = pick(random, anyOperands);
    const b =
      random.uniform(0, 1) < 0.4 ? scalar(pick(random, ['s', 't'])) : randomTerm(random, depth - 1, earlier);
    term = new Term({ kind: 'binary', op, ...(random.uniform(0, 1) < 0.5 ? { a, b } : { a: b, b: a }) });
  }
  earlier.push(term);
  return term;
}

/** NaNs are one value; all else must have the same bits, the sign of zero excepted where min and max leave it open. */
export const sameElements = (a: Float32Array, b: Float32Array): boolean =>
  a.length === b.length &&
  a.every((value, i) => value === b[i] || (Number.isNaN(value) && Number.isNaN(b[i]!)));

/** Statements over random expressions. */
export function randomStatements(random: RandomStream, count: number): Statement[] {
  const earlier: Term[] = [];
  return Array.from({ length: count }, () => {
    const value = randomTerm(random, 4, earlier);
    const kind = random.uniform(0, 1);
    if (kind < 0.15) return sum(value);
    return kind < 0.3 ? sumOfSquares(value) : assign(vector(pick(random, names)), value);
  });
}
