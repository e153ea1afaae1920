import { type Dimension, int64, type ValueInfo } from '../proto.js';

/** What exporters write where they know neither size nor name. */
const NO_NAME = /^(|\?|\*|-1|none|null|unk|unknown|dynamic)$/i;

/** The dimensions of a value: sizes, and symbols of open ones (see `unnamed`); undefined where not even the rank is stated. */
export function dimsOf({ name, type }: ValueInfo): (number | string)[] | undefined {
  const shape = type?.tensorType?.shape;
  return shape ? (shape.dim ?? []).map((dim, axis) => sizeOrSymbol(dim) ?? unnamed(name, axis)) : undefined;
}

/** Symbol of an open dimension that the model gives no name: INPUT[AXIS]. */
export const unnamed = (value: string, axis: number): string => `${value}[${axis}]`;

/** Absent fields read as 0 and '' in decoded messages; a stated 0 is how some exporters write an open dimension. */
function sizeOrSymbol(dim: Dimension): number | string | undefined {
  const symbol = Object.hasOwn(dim, 'dimParam') ? (dim.dimParam ?? '').trim() : '';
  if (!NO_NAME.test(symbol)) return dim.dimParam!;
  const size = Object.hasOwn(dim, 'dimValue') ? int64(dim.dimValue, -1) : -1;
  return size > 0 ? size : undefined;
}
