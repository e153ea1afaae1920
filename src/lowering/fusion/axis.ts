import { elementCount } from '../../onnx/tensors/tensor.js';

/** An axis that several values of a region may have in common. Found to be another one, or several, it stands for those. */
export class Axis {
  private parts: readonly Axis[] | undefined;

  constructor(
    /** Its extent, at least 2 where it counts. */
    readonly size: number,
  ) {}

  /** Appends what it is known to consist of, outermost first; nothing where its extent is 1. */
  appendLeaves(to: Axis[]): void {
    if (this.parts) for (const part of this.parts) part.appendLeaves(to);
    else if (this.size !== 1) to.push(this);
  }

  /** Makes it the same as others, whose extents' product is its own. */
  become(parts: readonly Axis[]): void {
    this.parts = parts;
  }
}

/** The axes of a value by its dimensions: each of one axis, or of what this one consists of. */
export type Layout = readonly Axis[];

export const freshLayout = (dims: readonly number[]): Layout => dims.map((size) => new Axis(size));

/** What the axes are known to consist of, from the one at `first` on. */
export function leavesOf(layout: Layout, first = 0): Axis[] {
  const leaves: Axis[] = [];
  for (let index = first; index < layout.length; index++) layout[index]!.appendLeaves(leaves);
  return leaves;
}

/**
 * Takes two lists of axes for the same elements in the same order, splitting axes where one side has them split.
 * @returns false where no split makes them equal, as of 4×6 and 3×8
 */
export function unify(a: Layout, b: Layout): boolean {
  let [left, right] = [leavesOf(a), leavesOf(b)];
  let place = 0;
  while (place < left.length && place < right.length) {
    const [x, y] = [left[place]!, right[place]!];
    place++;
    if (x === y) continue;
    const [larger, smaller] = x.size >= y.size ? [x, y] : [y, x];
    if (larger.size % smaller.size !== 0) return false;
    const isWhole = larger.size === smaller.size;
    larger.become(isWhole ? [smaller] : [smaller, new Axis(larger.size / smaller.size)]);
    // An axis may be on both sides, and more than once.
    [left, right] = [leavesOf(left, place - 1), leavesOf(right, place - 1)];
    place = 1;
  }
  return left.length === right.length;
}

/** Distance in elements between neighbours along each axis, of a value that lies in memory in its layout's order. */
export function stridesOf(layout: Layout): Map<Axis, number> {
  const strides = new Map<Axis, number>();
  let stride = 1;
  for (const axis of leavesOf(layout).reverse()) {
    strides.set(axis, stride);
    stride *= axis.size;
  }
  return strides;
}

export const extentOf = (axes: Iterable<Axis>): number => elementCount(Array.from(axes, ({ size }) => size));
