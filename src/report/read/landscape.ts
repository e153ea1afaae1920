import type { LandscapeFile } from '../../formats/landscape-file.js';
import { isObject, type Json } from './json.js';

const isAxis = (value: unknown, length?: number): boolean =>
  Array.isArray(value) &&
  value.length > 1 &&
  (length === undefined || value.length === length) &&
  value.every((each) => each === null || typeof each === 'number');

/** A loss surface whose sizes fit; undefined where it is none. */
export function landscapeOf(value: Json): LandscapeFile | undefined {
  const { kind, version, dims, axes, curves, losses } = value;
  if (kind !== 'flatmin-landscape' || version !== 1 || !Array.isArray(axes)) return undefined;
  if (axes.length !== dims || !axes.every((axis) => isAxis(axis))) return undefined;
  const [as, bs] = axes as number[][];
  const fits =
    dims === 1
      ? Array.isArray(curves) &&
        curves.length > 0 &&
        curves.every(
          (curve) =>
            isObject(curve) && typeof curve.direction === 'string' && isAxis(curve.losses, as!.length),
        )
      : Array.isArray(losses) &&
        losses.length === bs?.length &&
        losses.every((row) => isAxis(row, as!.length));
  return fits ? (value as unknown as LandscapeFile) : undefined;
}
