import { intAttribute } from '../../onnx/attributes.js';
import { opKey } from '../../onnx/domains.js';
import type { Node } from '../../onnx/proto.js';
import { elementCount } from '../../onnx/tensors/tensor.js';
import type { Values } from './values.js';
import { contiguous, permutation, permuted, reshapedStrides } from './views.js';

/** Where a value's elements lie in a tensor that is made of it further down. */
export interface Placement {
  /** The tensor. */
  readonly name: string;
  readonly dims: readonly number[];
  readonly offset: number;
  /** Of the value's axes. */
  readonly strides: readonly number[];
  /** What the value is multiplied by on the way. */
  readonly factor: number;
  /** The nodes on the way, which are not needed when the tensor is written at once. */
  readonly nodes: readonly Node[];
}

/** Strides and an offset, seen from one node further up. */
interface Layout {
  readonly strides: readonly number[];
  readonly offset: number;
}
/** A step down: what the layout of its output says about its input. */
interface Step {
  readonly node: Node;
  readonly dims: readonly number[];
  readonly output: string;
  readonly up: (below: Layout) => Layout | undefined;
  readonly factor: number;
}

/** One way down from a value, as long as one node alone reads it. */
class Path {
  constructor(
    readonly value: string,
    readonly dims: readonly number[],
    readonly steps: readonly Step[] = [],
  ) {}

  get end(): { readonly name: string; readonly dims: readonly number[] } {
    const last = this.steps.at(-1);
    return last ? { name: last.output, dims: last.dims } : { name: this.value, dims: this.dims };
  }

  with(step: Step): Path | undefined {
    const longer = new Path(this.value, this.dims, [...this.steps, step]);
    return longer.layout() ? longer : undefined;
  }

  layout(): Layout | undefined {
    let layout: Layout | undefined = { strides: contiguous(this.end.dims), offset: 0 };
    for (const step of this.steps.toReversed()) layout &&= step.up(layout);
    return layout;
  }

  placement(): Placement {
    return {
      ...this.end,
      ...this.layout()!,
      factor: this.steps.reduce((product, { factor }) => product * factor, 1),
      nodes: this.steps.map(({ node }) => node),
    };
  }
}

const RESHAPING = ['Reshape', 'Squeeze', 'Unsqueeze', 'Flatten'];

/** The step of a node that reads a value, if it only moves elements or, where that is allowed, multiplies them by a constant. */
function stepDown(
  values: Values,
  node: Node,
  { name, dims }: Path['end'],
  mayScale: boolean,
): Step | undefined {
  const output = node.output[0]!;
  const key = opKey(node);
  const plain = { node, output, factor: 1 };
  const scaling = values.scaling(node);
  if (scaling?.value === name)
    return mayScale ? { ...plain, dims, factor: scaling.factor, up: (below) => below } : undefined;
  if (node.input[0] !== name) return undefined;
  if (key === 'Identity') return { ...plain, dims, up: (below) => below };
  if (key === 'Transpose') {
    const perm = permutation(node, dims.length);
    const inverse = dims.map((_, axis) => perm.indexOf(axis));
    return {
      ...plain,
      dims: permuted(dims, perm),
      up: ({ strides, offset }) => ({ strides: permuted(strides, inverse), offset }),
    };
  }
  const to = RESHAPING.includes(key) ? values.dims(output) : undefined;
  if (!to || elementCount(to) !== elementCount(dims)) return undefined;
  return {
    ...plain,
    dims: to,
    up: ({ strides, offset }) => {
      const reshaped = reshapedStrides(to, strides, dims);
      return reshaped && { strides: reshaped, offset };
    },
  };
}

function descend(values: Values, path: Path, mayScale: boolean): Path {
  let current = path;
  for (;;) {
    const node = values.soleReader(current.end.name);
    const step = node && stepDown(values, node, current.end, mayScale);
    const longer = step && current.with(step);
    if (!longer) return current;
    current = longer;
  }
}

/** The steps into the Concat that values come together in, if it has no other inputs. */
function together(values: Values, paths: readonly Path[]): Path[] | undefined {
  const node = values.soleReader(paths[0]!.end.name);
  if (!node || opKey(node) !== 'Concat' || node.input.length !== paths.length) return undefined;
  if (paths.some(({ end }) => values.soleReader(end.name) !== node)) return undefined;
  const rank = paths[0]!.end.dims.length;
  const given = intAttribute(node, 'axis', 0);
  const axis = given < 0 ? given + rank : given;
  const parts = node.input.map((name) => paths.find(({ end }) => end.name === name)!.end.dims[axis]!);
  const joined = parts.reduce((sum, part) => sum + part, 0);
  const joint = paths.map((path) => {
    const at = node.input.indexOf(path.end.name);
    const first = parts.slice(0, at).reduce((sum, part) => sum + part, 0);
    return path.with({
      node,
      output: node.output[0]!,
      dims: path.end.dims.map((dim, each) => (each === axis ? joined : dim)),
      factor: 1,
      up: ({ strides, offset }) => ({ strides, offset: offset + first * strides[axis]! }),
    });
  });
  return joint.every((path) => path !== undefined) ? joint : undefined;
}

/** A value, its dimensions, and whether whoever makes it may multiply it by a constant. */
export interface Made {
  readonly value: string;
  readonly dims: readonly number[];
  readonly mayScale: boolean;
}

/**
 * Where the elements of values go: down to the last tensor that holds nothing else. Values that are put together in one tensor, with no
 * other, have the same one.
 */
export function place(values: Values, made: readonly Made[]): Placement[] {
  let paths = made.map(({ value, dims, mayScale }) => descend(values, new Path(value, dims), mayScale));
  const joint = paths.length > 1 ? together(values, paths) : undefined;
  if (joint) {
    const below = joint.map((path) => descend(values, path, false));
    const shortest = Math.min(...below.map(({ steps }, at) => steps.length - joint[at]!.steps.length));
    paths = joint.map(
      (path, at) => new Path(path.value, path.dims, below[at]!.steps.slice(0, path.steps.length + shortest)),
    );
    // A shorter way has a layout too: that of each step depends on those above it alone.
  }
  return paths.map((path) => path.placement());
}
