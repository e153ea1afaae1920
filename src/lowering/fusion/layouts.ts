import { Axis, freshLayout, type Layout, leavesOf, unify } from './axis.js';
import { type KnownValues, scalarConstant } from './forms/form.js';
import type { Member } from './member.js';

/**
 * The axes of every value that members read or make, with equal axes found equal.
 * @returns undefined where no common axes exist: a reshape that splits an axis across another, a square matrix added to its transpose
 */
export function layoutsOf(members: readonly Member[], known: KnownValues): Map<string, Layout> | undefined {
  const layouts = new Map<string, Layout>();
  const dimsOf = (name: string) => known.types.get(name)!.dims;
  const layoutOf = (name: string): Layout => {
    const found = layouts.get(name) ?? freshLayout(dimsOf(name));
    layouts.set(name, found);
    return found;
  };
  for (const { node, form } of members) {
    const output = node.output[0]!;
    switch (form.kind) {
      case 'map':
      case 'rows': {
        const result = layoutOf(output);
        for (const operand of form.operands) {
          if (scalarConstant(known, operand) !== undefined) continue;
          if (!broadcast(layoutOf(operand), result)) return undefined;
        }
        break;
      }
      case 'view': {
        const source = layoutOf(form.source);
        if (form.order)
          layouts.set(
            output,
            form.order.map((axis) => source[axis]!),
          );
        else if (!unify(source, layoutOf(output))) return undefined;
        break;
      }
      case 'reduce': {
        const source = layoutOf(form.source);
        const kept = source.map((axis, index) => (form.axes.includes(index) ? new Axis(1) : axis));
        layouts.set(output, form.keepDims ? kept : kept.filter((_, index) => !form.axes.includes(index)));
        break;
      }
    }
  }
  const areDistinct = (layout: Layout) => {
    const leaves = leavesOf(layout);
    return new Set(leaves).size === leaves.length;
  };
  return [...layouts.values()].every(areDistinct) ? layouts : undefined;
}

/** Aligns the axes of an operand with those of the result, from the last on; those of extent 1 are repeated. */
function broadcast(operand: Layout, result: Layout): boolean {
  const offset = result.length - operand.length;
  // Of a model whose stated types contradict each other.
  if (offset < 0) return false;
  return operand.every((axis, index) => axis.size === 1 || unify([axis], [result[index + offset]!]));
}
