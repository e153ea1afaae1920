import { floatAttribute, intAttribute, intsAttribute } from '../../../onnx/attributes.js';
import { elementCount } from '../../../onnx/tensors/tensor.js';
import type { ProgramWriter } from '../program.js';
import type { FormContext, FormOf, ReduceForm, RowsForm } from './form.js';

/** The axes of a reduction, from 0 on; undefined where they are computed. */
function axesOf(c: FormContext): number[] | undefined {
  const given = c.input(1) ? c.ints(1) : (intsAttribute(c.node, 'axes') ?? []);
  if (!given) return undefined;
  if (given.length > 0) return given.map((axis) => (axis < 0 ? axis + c.rank : axis));
  return intAttribute(c.node, 'noop_with_empty_axes', 0) === 1
    ? []
    : Array.from({ length: c.rank }, (_, axis) => axis);
}

type Parts = (extent: number) => Partial<Pick<ReduceForm, 'before' | 'after' | 'scale'>>;

const reduce =
  (reduction: ReduceForm['reduction'], parts: Parts = () => ({})): FormOf =>
  (c) => {
    const axes = axesOf(c);
    if (!axes) return undefined;
    const extent = elementCount(axes.map((axis) => c.dims(0)[axis]!));
    const keepDims = intAttribute(c.node, 'keepdims', 1) === 1;
    return { kind: 'reduce', source: c.input(0), axes, keepDims, reduction, ...parts(extent) };
  };

const square = (p: ProgramWriter, x: number): number => p.op('Mul', x, x);

/** Each element less the mean of its row, and 1/√(variance + ε). */
function standardised(p: ProgramWriter, x: number, extent: number, epsilon: number): number {
  const share = p.constant(1 / extent);
  const centred = p.op('Sub', x, p.op('Mul', p.op('RowSum', x), share));
  return scaledToOne(p, centred, extent, epsilon);
}

/** x/√(mean of x² + ε) */
function scaledToOne(p: ProgramWriter, x: number, extent: number, epsilon: number): number {
  const variance = p.op('Mul', p.op('RowSum', square(p, x)), p.constant(1 / extent));
  const deviation = p.op('Sqrt', p.op('Add', variance, p.constant(epsilon)));
  return p.op('Mul', x, p.op('Reciprocal', deviation));
}

const affine = (p: ProgramWriter, x: number, scale: number, bias?: number): number => {
  const scaled = p.op('Mul', x, scale);
  return bias === undefined ? scaled : p.op('Add', scaled, bias);
};

/** From an axis to the last. */
const following = (c: FormContext, fallback: number): number[] => {
  const axis = intAttribute(c.node, 'axis', fallback);
  const first = axis < 0 ? axis + c.rank : axis;
  return Array.from({ length: c.rank - first }, (_, index) => first + index);
};

const epsilonOf = ({ node }: FormContext): number => floatAttribute(node, 'epsilon', 1e-5);

const normalization =
  (emit: (p: ProgramWriter, x: number, extent: number, epsilon: number) => number): FormOf =>
  (c): RowsForm => ({
    kind: 'rows',
    operands: c.node.input.filter(Boolean),
    axes: following(c, -1),
    emit: (p, [x, scale, bias], extent) => affine(p, emit(p, x!, extent, epsilonOf(c)), scale!, bias),
  });

const softmax =
  (emit: (p: ProgramWriter, shifted: number) => number): FormOf =>
  (c): RowsForm => {
    const axis = intAttribute(c.node, 'axis', -1);
    return {
      kind: 'rows',
      operands: [c.input(0)],
      axes: [axis < 0 ? axis + c.rank : axis],
      emit: (p, [x]) => emit(p, p.op('Sub', x!, p.op('RowMax', x!))),
    };
  };

/** Operators along axes: reductions, and normalisations that hold some. */
export const rowForms: Readonly<Record<string, FormOf>> = {
  ReduceSum: reduce('RowSum'),
  ReduceMean: reduce('RowSum', (extent) => ({ scale: 1 / extent })),
  ReduceSumSquare: reduce('RowSum', () => ({ before: square })),
  ReduceL1: reduce('RowSum', () => ({ before: (p, x) => p.op('Abs', x) })),
  ReduceL2: reduce('RowSum', () => ({ before: square, after: (p, sum) => p.op('Sqrt', sum) })),
  ReduceMax: reduce('RowMax'),
  ReduceMin: reduce('RowMax', () => ({
    before: (p, x) => p.op('Neg', x),
    after: (p, x) => p.op('Neg', x),
  })),
  GlobalAveragePool: (c) => {
    const axes = Array.from({ length: c.rank - 2 }, (_, axis) => axis + 2);
    const scale = 1 / elementCount(c.dims(0).slice(2));
    return { kind: 'reduce', source: c.input(0), axes, keepDims: true, reduction: 'RowSum', scale };
  },
  Softmax: softmax((p, shifted) => {
    const exponential = p.op('Exp', shifted);
    return p.op('Mul', exponential, p.op('Reciprocal', p.op('RowSum', exponential)));
  }),
  LogSoftmax: softmax((p, shifted) =>
    p.op('Sub', shifted, p.op('Log', p.op('RowSum', p.op('Exp', shifted)))),
  ),
  LayerNormalization: normalization(standardised),
  SimplifiedLayerNormalization: normalization(scaledToOne),
  RMSNormalization: normalization(scaledToOne),
};
