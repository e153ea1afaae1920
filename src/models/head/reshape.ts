import { describeNode, intAttribute, intsAttribute } from '../../onnx/attributes.js';
import { opKey } from '../../onnx/domains.js';
import type { Node } from '../../onnx/proto.js';
import { int64Data, makeTensor } from '../../onnx/tensors/tensor.js';
import { refusal } from './refusal.js';
import type { Following, State } from './state.js';
import type { Values } from './values.js';

/** One number of a shape. */
interface Entry {
  /** Undefined where it is computed. */
  readonly value: number | undefined;
  /** The value and its axis, from the front, that it is the size of. */
  readonly of?: { readonly name: string; readonly axis: number } | undefined;
  /** Where a constant holds it. */
  readonly at?: { readonly node: Node; readonly index: number; readonly offset: number } | undefined;
}

/** Reshape: finds where the classes go, and states their new number where the shape states the old one. */
export function reshape(node: Node, { state, values, layer, classes, edits }: Following): State {
  const before = state(node.input[0]!);
  const what = describeNode(node);
  if (!before || before.holds === 'sizes') throw refusal(`${what} is not followed`);
  if (before.axis === undefined) return { ...before, rank: undefined };
  const shape = node.input[1] === undefined ? attributeShape(node) : entriesOf(node, 1, values);
  if (!shape) throw refusal(`${what} takes its shape from other nodes in a way that is not followed`);
  const after = (at: number, isMerged = before.isMerged): State => ({
    ...before,
    rank: shape.length,
    axis: at - shape.length,
    isPooled: shape.slice(at + 1).every(({ value }) => value === 1),
    isMerged,
  });
  const front = before.rank === undefined ? undefined : before.rank + before.axis;
  const stated = shape.flatMap(({ value, at }, index) =>
    value === layer.classes && at && (index > 0 || shape.length === 1) ? [index] : [],
  );
  const [only] = stated;
  if (only !== undefined && stated.length === 1 && !before.isMerged) {
    // Elements behind the classes stay behind them: none, or those of the axes that were there.
    const hasNone = before.axis === -1 || before.isPooled;
    const isKept = hasNone ? shape.slice(only + 1).every(({ value }) => value === 1) : only === front;
    if (!isKept) throw refusal(`${what} does not keep the classes together`);
    stateClasses(shape[only]!, { values, classes, edits });
    return after(only);
  }
  if (stated.length > 1)
    throw refusal(`${what} states ${layer.classes}, the number of classes, more than once`);
  const takesZero = intAttribute(node, 'allowzero', 0) === 0;
  const copied = shape.findIndex(
    ({ value, of }, index) => isClassAxis(of, state) || (takesZero && value === 0 && index === front),
  );
  if (copied >= 0) return after(copied);
  const rest = shape.findIndex(({ value }) => value === -1);
  if (rest > 0 && shape.every(({ value }, index) => index === 0 || index === rest || value === 1))
    return after(rest, before.isMerged || !(before.axis === -1 || before.isPooled) || (front ?? 2) > 1);
  throw refusal(
    `${what} to ${shape.map(({ value }) => value ?? '?').join(' × ')} does not tell which of its axes the classes are`,
  );
}

/** Whether a size is that of the axis of the classes. */
export function isClassAxis(of: Entry['of'], state: Following['state']): boolean {
  const source = of && state(of.name);
  return source?.axis !== undefined && source.rank !== undefined && source.rank + source.axis === of!.axis;
}

/** Puts the new number in the place of the old one. */
export function stateClasses(
  { at }: Entry,
  { values, classes, edits }: Pick<Following, 'values' | 'classes' | 'edits'>,
): void {
  const { node, index, offset } = at!;
  const name = node.input[index]!;
  const numbers = int64Data(values.ints(name)!.with(offset, classes));
  const tensor = makeTensor(name, 'int64', values.shapeOf(name) ?? [], numbers);
  edits.constants.push({ node, index, tensor });
}

/** Before operator set 5. */
const attributeShape = (node: Node): Entry[] | undefined =>
  intsAttribute(node, 'shape')?.map((value) => ({ value }));

/**
 * The numbers of the shape that a node reads, where they are constant or picked from shapes.
 * @param isOwn whether nothing else reads what the node makes: only then may its constants change
 */
export function entriesOf(reader: Node, index: number, values: Values, isOwn = true): Entry[] | undefined {
  const name = reader.input[index]!;
  const constant = values.ints(name);
  if (constant)
    return constant.map((value, offset) => ({
      value,
      at: isOwn ? { node: reader, index, offset } : undefined,
    }));
  const maker = values.maker(name);
  if (!maker) return undefined;
  const isAlone = isOwn && values.readers(name).length === 1;
  const shape = values.maker(maker.input[0]);
  const sizes = (axes: readonly number[]) =>
    shape?.opType === 'Shape'
      ? axes.map((axis): Entry => ({ value: undefined, of: { name: shape.input[0]!, axis } }))
      : undefined;
  switch (opKey(maker)) {
    case 'Concat': {
      const parts = maker.input.map((_, part) => entriesOf(maker, part, values, isAlone));
      return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
    }
    case 'Cast':
    case 'Identity':
    case 'Squeeze':
    case 'Unsqueeze':
      return entriesOf(maker, 0, values, isAlone);
    case 'Gather':
      return sizes(values.ints(maker.input[1]) ?? [Number.NaN]);
    case 'Slice': {
      const [from, to, step] = [
        values.ints(maker.input[1]),
        values.ints(maker.input[2]),
        values.ints(maker.input[4]),
      ];
      const isPlain = from?.length === 1 && to?.length === 1 && from[0]! >= 0 && to[0]! >= 0;
      if (!isPlain || (step?.[0] ?? 1) !== 1) return undefined;
      return sizes(Array.from({ length: Math.max(0, to[0]! - from[0]!) }, (_, at) => from[0]! + at));
    }
    default:
      return undefined;
  }
}
