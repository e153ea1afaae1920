import { elementCount } from '../../onnx/tensors/tensor.js';

/** An axis that several values of a region may have in common. Found to be another one, or several, it stands for those. */
export class Axis {
  private parts: readonly Axis[] | undefined;
  private readonly self: readonly Axis[];

  constructor(
    /** Its extent, at least 2 where it counts. */
    readonly size: number,
  ) {
    this.self = size === 1 ? [] : [this];
  }

  /** What it is known to consist of, outermost first; nothing where its extent is 1. */
  leaves(): readonly Axis[] {
    if (!this.parts) return this.self;
    if (this.parts.length === 1) return this.parts[0]!.leaves();
    return this.parts.flatMap((part) => part.leaves());
  }

  /** Makes it the same as others, whose extents' product is its own. */
  become(parts: readonly Axis[]): void {
    this.parts = parts;
  }
}

/** The axes of a value by its dimensions: each of one axis, or of what this one consists of. */
export type Layout = readonly Axis[];

export const freshLayout = (dims: readonly number[]): Layout => dims.map((size) => new Axis(size));

export const leavesOf = (layout: Layout): Axis[] => layout.flatMap((axis) => axis.leaves());

/**
 * Takes two lists of axes for the same elements in the same order, splitting axes where one side has them split.
 * @returns false where no split makes them equal, as of 4×6 and 3×8
 */
export function unify(a: Layout, b: Layout): boolean {
  if (a.length === 1 && a[0] === b[0]) return true;
  let [left, right] = [leavesOf(a), leavesOf(b)];
  while (left.length > 0 && right.length > 0) {
    const [x, y] = [left[0]!, right[0]!];
    if (x !== y) {
      const [larger, smaller] = x.size >= y.size ? [x, y] : [y, x];
      if (larger.size % smaller.size !== 0) return false;
      larger.become(
        larger.size === smaller.size ? [smaller] : [smaller, new Axis(larger.size / smaller.size)],
      );
      // An axis may be on both sides, and more than once.
      [left, right] = [leavesOf(left), leavesOf(right)];
    }
    left = left.slice(1);
    right = right.slice(1);
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
