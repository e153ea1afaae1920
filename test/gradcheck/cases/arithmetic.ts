import { type GradientCase, type InputSpec, labels, single, type Values, wrt } from '../case.js';

const operators: readonly [opType: string, divisor: Values][] = [
  ['Add', 'normal'],
  ['Sub', 'normal'],
  ['Mul', 'normal'],
  ['Div', 'nonzero'],
];

const shapes: readonly [name: string, a: readonly number[], b: readonly number[]][] = [
  ['of one shape', [2, 3, 4], [2, 3, 4]],
  ['of vectors', [5], [5]],
  ['of scalars', [], []],
  ['with a scalar on the right', [2, 3], []],
  ['with a scalar on the left', [], [2, 3]],
  ['with a vector of one', [2, 3], [1]],
  ['with a row on the right', [2, 3, 4], [4]],
  ['with a row on the left', [4], [2, 3, 4]],
  ['with a channel on the right', [2, 3, 4, 5], [3, 1, 1]],
  ['with a channel on the left', [1, 3, 1, 1], [2, 3, 4, 5]],
  ['broadcast both ways', [2, 1, 4], [3, 1]],
  ['broadcast both ways at one rank', [2, 1, 3, 1], [1, 4, 1, 2]],
  ['with leading ones', [1, 1, 3], [2, 3]],
  ['of nothing with a row', [0, 3], [3]],
];

const pow = (name: string, a: readonly number[], b: InputSpec): GradientCase =>
  single(`Pow ${name}`, 'Pow', { a: wrt(a, 'positive'), b });

export const arithmeticCases: GradientCase[] = [
  ...operators.flatMap(([opType, divisor]) =>
    shapes.map(([name, a, b]) => single(`${opType} ${name}`, opType, { a: wrt(a), b: wrt(b, divisor) })),
  ),
  ...operators.map(
    ([opType, divisor]): GradientCase => ({
      name: `${opType} of a value with itself`,
      inputs: { x: wrt([2, 3], divisor) },
      build: (builder) => builder.op(opType, ['x', 'x']),
    }),
  ),
  pow('of one shape', [2, 3], wrt([2, 3])),
  pow('with a row of exponents', [2, 3], wrt([3])),
  pow('with one exponent', [2, 3], wrt([])),
  pow('of one base', [], wrt([2, 3])),
  pow('with an integer exponent', [2, 3], labels([], [3])),
  {
    name: 'Pow of negative numbers with a constant exponent',
    inputs: { x: wrt([2, 3], 'nonzero') },
    build: (builder) => builder.op('Pow', ['x', builder.scalar(2)]),
  },
  single('Sum of one', 'Sum', { a: wrt([2, 3]) }),
  single('Sum of three of one shape', 'Sum', { a: wrt([2, 3]), b: wrt([2, 3]), c: wrt([2, 3]) }),
  single('Sum broadcast', 'Sum', { a: wrt([2, 1]), b: wrt([3]), c: wrt([]), d: wrt([2, 3]) }),
  {
    name: 'a value with two consumers',
    inputs: { x: wrt([2, 3]), y: wrt([3]) },
    build: (builder) => {
      const product = builder.op('Mul', ['x', 'y']);
      return builder.op('Sub', [builder.op('Mul', [product, product]), builder.op('Add', [product, 'x'])]);
    },
  },
  {
    name: 'a value with three consumers of different depths',
    inputs: { x: wrt([2, 3]) },
    build: (builder) => {
      const squared = builder.op('Mul', ['x', 'x']);
      const cubed = builder.op('Mul', [squared, 'x']);
      return builder.op('Add', [builder.op('Add', [squared, cubed]), 'x']);
    },
  },
  {
    name: 'an output that other nodes read too',
    inputs: { x: wrt([2, 3]) },
    build: (builder) => {
      const y = builder.op('Mul', ['x', 'x']);
      builder.op('Add', [y, 'x']);
      return y;
    },
  },
  {
    name: 'an input that the output does not depend on',
    inputs: { x: wrt([2, 3]), unused: wrt([2]) },
    build: (builder) => builder.op('Mul', ['x', 'x']),
  },
];
