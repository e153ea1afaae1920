import { floatAttribute, intAttribute, stringAttribute } from '../../../onnx/attributes.js';
import { microsoft } from '../../../onnx/domains.js';
import { DataType } from '../../../onnx/tensors/tensor.js';
import type { ElementOp, ProgramWriter } from '../program.js';
import type { FormContext, FormOf, MapForm } from './form.js';

type Emit = MapForm['emit'];

const map = (operands: readonly string[], emit: Emit): MapForm => ({ kind: 'map', operands, emit });
const given = ({ node }: FormContext): string[] => node.input.filter(Boolean);

/** An operator that is one operation. */
const direct =
  (op: ElementOp): FormOf =>
  (c) =>
    map(given(c), (program, operands) => program.op(op, ...operands));

/** An operator of any number of inputs, two by two from the left. */
const folded =
  (
    op: ElementOp,
    end: (program: ProgramWriter, result: number, count: number) => number = (_, x) => x,
  ): FormOf =>
  (c) =>
    map(given(c), (program, [first, ...others]) =>
      end(
        program,
        others.reduce((sum, each) => program.op(op, sum, each), first!),
        others.length + 1,
      ),
    );

/** An operator of one input, by its attributes. */
const unary =
  (emit: (program: ProgramWriter, x: number, c: FormContext) => number): FormOf =>
  (c) =>
    map([c.input(0)], (program, [x]) => emit(program, x!, c));

const clamped = (p: ProgramWriter, x: number, low: number, high: number): number =>
  p.op('Min', p.op('Max', x, p.constant(low)), p.constant(high));

const hardSigmoid = (p: ProgramWriter, x: number, alpha: number, beta: number): number =>
  clamped(p, p.op('Add', p.op('Mul', x, p.constant(alpha)), p.constant(beta)), 0, 1);

/** α(eˣ − 1) below 0 */
const elu = (p: ProgramWriter, x: number, alpha: number): number => {
  const below = p.op('Mul', p.op('Sub', p.op('Exp', x), p.constant(1)), p.constant(alpha));
  return p.op('Where', p.op('Less', x, p.constant(0)), below, x);
};

/** x/2·(1 + erf(x/√2)) */
const gelu = (p: ProgramWriter, x: number): number => {
  const erf = p.op('Erf', p.op('Mul', x, p.constant(Math.SQRT1_2)));
  return p.op('Mul', p.op('Mul', x, p.constant(0.5)), p.op('Add', erf, p.constant(1)));
};

/** x/2·(1 + tanh(√(2/π)(x + 0.044715x³))) */
const geluByTanh = (p: ProgramWriter, x: number): number => {
  const cubic = p.op('Mul', p.op('Mul', p.op('Mul', x, x), x), p.constant(0.044715));
  const tanh = p.op('Tanh', p.op('Mul', p.op('Add', x, cubic), p.constant(Math.sqrt(2 / Math.PI))));
  return p.op('Mul', p.op('Mul', x, p.constant(0.5)), p.op('Add', tanh, p.constant(1)));
};

/** Powers that are a few operations. */
const powers: Readonly<Record<number, (p: ProgramWriter, x: number) => number>> = {
  [-1]: (p, x) => p.op('Reciprocal', x),
  [-0.5]: (p, x) => p.op('Reciprocal', p.op('Sqrt', x)),
  0.5: (p, x) => p.op('Sqrt', x),
  1: (_, x) => x,
  2: (p, x) => p.op('Mul', x, x),
  3: (p, x) => p.op('Mul', p.op('Mul', x, x), x),
};

const pow: FormOf = (c) => {
  const exponent = c.number(c.input(1));
  const known = exponent === undefined ? undefined : powers[exponent];
  return known ? map([c.input(0)], (p, [x]) => known(p, x!)) : direct('Pow')(c);
};

/** Limits are constants; an absent one is none. */
const clip: FormOf = (c) => {
  const limits = [c.input(1), c.input(2)].map((name) => (name === '' ? Number.NaN : c.number(name)));
  if (limits.includes(undefined)) return undefined;
  const [low, high] = limits as [number, number];
  return map([c.input(0)], (p, [x]) => {
    const above = Number.isNaN(low) ? x! : p.op('Max', x!, p.constant(low));
    return Number.isNaN(high) ? above : p.op('Min', above, p.constant(high));
  });
};

/** Between float32 and bool: truth is 1 or 0 already. */
const cast: FormOf = (c) => {
  const to = intAttribute(c.node, 'to', 0);
  if (to === DataType.float) return map([c.input(0)], (_, [x]) => x!);
  if (to !== DataType.bool) return undefined;
  return map([c.input(0)], (p, [x]) =>
    c.isFloat(c.input(0)) ? p.op('Not', p.op('Equal', x!, p.constant(0))) : x!,
  );
};

const sameNames: ElementOp[] = [
  ...(['Neg', 'Abs', 'Sqrt', 'Reciprocal', 'Exp', 'Log', 'Erf', 'Tanh', 'Sigmoid', 'Relu', 'Sign'] as const),
  ...([
    'Floor',
    'Ceil',
    'Round',
    'Not',
    'Sin',
    'Cos',
    'Softplus',
    'Add',
    'Sub',
    'Mul',
    'Div',
    'And',
    'Or',
  ] as const),
  ...(['Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual', 'Where'] as const),
];

/** Operators of one element, or of one of each input. */
export const elementForms: Readonly<Record<string, FormOf>> = {
  ...Object.fromEntries(sameNames.map((op) => [op, direct(op)])),
  Sum: folded('Add'),
  Max: folded('Max'),
  Min: folded('Min'),
  Mean: folded('Add', (p, sum, count) => p.op('Mul', sum, p.constant(1 / count))),
  Pow: pow,
  Clip: clip,
  Cast: cast,
  LeakyRelu: unary((p, x, { node }) => {
    const below = p.op('Mul', x, p.constant(floatAttribute(node, 'alpha', 0.01)));
    return p.op('Where', p.op('Less', x, p.constant(0)), below, x);
  }),
  PRelu: (c) =>
    map(given(c), (p, [x, slope]) =>
      p.op('Where', p.op('Less', x!, p.constant(0)), p.op('Mul', x!, slope!), x!),
    ),
  Elu: unary((p, x, { node }) => elu(p, x, floatAttribute(node, 'alpha', 1))),
  Selu: unary((p, x, { node }) => {
    const gamma = floatAttribute(node, 'gamma', 1.0507009873554805);
    return p.op('Mul', elu(p, x, floatAttribute(node, 'alpha', 1.6732632423543772)), p.constant(gamma));
  }),
  HardSigmoid: unary((p, x, { node }) =>
    hardSigmoid(p, x, floatAttribute(node, 'alpha', 0.2), floatAttribute(node, 'beta', 0.5)),
  ),
  HardSwish: unary((p, x) => p.op('Mul', x, hardSigmoid(p, x, 1 / 6, 0.5))),
  Softsign: unary((p, x) => p.op('Div', x, p.op('Add', p.op('Abs', x), p.constant(1)))),
  Mish: unary((p, x) => p.op('Mul', x, p.op('Tanh', p.op('Softplus', x)))),
  Gelu: unary((p, x, { node }) =>
    stringAttribute(node, 'approximate', 'none') === 'tanh' ? geluByTanh(p, x) : gelu(p, x),
  ),
  [`${microsoft}:Gelu`]: unary((p, x) => gelu(p, x)),
};
