import { FlatminError } from '../../errors.js';
import { intAttribute, intsAttribute, stringAttribute } from '../../onnx/attributes.js';
import type { Rule, RuleContext } from '../rule.js';

/** dY in the input's shape; allowzero because a dimension of that shape may be zero. */
const asInput: Rule = (c) => [
  c.op('Reshape', [c.dy, c.builder.ints(c.dims(c.input(0)))], {
    allowzero: c.dims(c.input(0)).includes(0) ? 1 : undefined,
  }),
];

const slice = (
  c: RuleContext,
  value: string,
  starts: readonly number[],
  ends: readonly number[],
  axes: readonly number[],
): string => c.op('Slice', [value, c.builder.ints(starts), c.builder.ints(ends), c.builder.ints(axes)]);

const transpose: Rule = (c) => {
  const rank = c.dims(c.input(0)).length;
  const perm = intsAttribute(c.node, 'perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  const inverse = perm.map((_, axis) => perm.indexOf(axis));
  return [c.op('Transpose', [c.dy], { perm: inverse })];
};

/** Each input takes back its stretch of dY. */
const concat: Rule = (c) => {
  const rank = c.dims(c.output()).length;
  const given = intAttribute(c.node, 'axis', 0);
  const axis = given < 0 ? given + rank : given;
  let start = 0;
  return c.node.input.map((name, index) => {
    const end = start + c.dims(name)[axis]!;
    const from = start;
    start = end;
    return c.when(index, () => slice(c, c.dy, [from], [end], [axis]));
  });
};

/** Constant padding: what was added is cut off. */
const pad: Rule = (c) => {
  if (stringAttribute(c.node, 'mode', 'constant') !== 'constant') {
    throw new FlatminError(
      'NO_GRADIENT',
      `Pad "${c.node.name}" has mode ${stringAttribute(c.node, 'mode', '')}; only constant padding has a gradient here.`,
    );
  }
  const dims = c.dims(c.input(0));
  const pads = intsAttribute(c.node, 'pads') ?? c.constantInts(1);
  const listed = c.input(3)
    ? c.constantInts(3).map((axis) => (axis < 0 ? axis + dims.length : axis))
    : dims.map((_, axis) => axis);
  const begin = (axis: number): number => (listed.includes(axis) ? pads[listed.indexOf(axis)]! : 0);
  const end = (axis: number): number =>
    listed.includes(axis) ? pads[listed.length + listed.indexOf(axis)]! : 0;
  if (pads.some((zeros) => zeros < 0)) {
    throw new FlatminError('NO_GRADIENT', `Pad "${c.node.name}" crops (negative pads); use Slice instead.`);
  }
  const axes = dims.map((_, axis) => axis).filter((axis) => begin(axis) + end(axis) > 0);
  if (axes.length === 0) return [c.dy];
  return [
    slice(
      c,
      c.dy,
      axes.map(begin),
      axes.map((axis) => begin(axis) + dims[axis]!),
      axes,
    ),
  ];
};

/** A slice of steps of one: zeros around dY. */
const sliceRule: Rule = (c) => {
  const dims = c.dims(c.input(0));
  const starts = intsAttribute(c.node, 'starts') ?? c.constantInts(1);
  const axes = (
    intsAttribute(c.node, 'axes') ?? (c.input(3) ? c.constantInts(3) : starts.map((_, axis) => axis))
  ).map((axis) => (axis < 0 ? axis + dims.length : axis));
  const steps = c.input(4) ? c.constantInts(4) : starts.map(() => 1);
  if (steps.some((step) => step !== 1)) {
    throw new FlatminError(
      'NO_GRADIENT',
      `Slice "${c.node.name}" has steps [${steps}]; only steps of 1 have a gradient here.`,
    );
  }
  const begin = dims.map(() => 0);
  axes.forEach((axis, index) => {
    const start = starts[index]!;
    begin[axis] = Math.min(Math.max(start < 0 ? start + dims[axis]! : start, 0), dims[axis]!);
  });
  const end = dims.map((dim, axis) => dim - begin[axis]! - c.dims(c.output())[axis]!);
  return [c.op('Pad', [c.dy, c.builder.ints([...begin, ...end])])];
};

export const shape: Record<string, Rule> = {
  Reshape: asInput,
  Flatten: asInput,
  Squeeze: asInput,
  Unsqueeze: asInput,
  Transpose: transpose,
  Concat: concat,
  Expand: (c) => [c.broadcast(c.dy)],
  Pad: pad,
  Slice: sliceRule,
};
