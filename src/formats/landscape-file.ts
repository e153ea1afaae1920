import { z } from 'zod';
import { checkedSealed, type ReadonlyDeep } from './run/checked.js';
import { anything, listOf, number, numberOrNaN, numberOrNull, object, text } from './run/fields.js';

/** Multiples of a direction; both ends at least. */
const axis = listOf(number, 'a list of numbers').min(2, 'a list of two numbers at least');
const losses = listOf(numberOrNull, 'a list of numbers or null');

const curveSchema = object({
  /** 'random', 'gradient' or 'to'. */
  direction: text,
  /** One for each point of the axis; null where the loss is not finite. */
  losses,
});

const landscapeSchema = object({
  /** What tells the file from others. */
  kind: z.literal('flatmin-landscape', '"flatmin-landscape"'),
  /** Of this format. */
  version: z.literal(1, '1, the version of the format'),
  /** Number of axes. */
  dims: z.literal([1, 2], '1 or 2'),
  /** Folder of the run at the origin. */
  run: text,
  /** Folder of the run at a = 1 of the first axis; null for a surface around one run. */
  to: text.nullable(),
  /** How the directions were scaled. */
  normalization: z.enum(['filter', 'none'], '"filter" or "none"'),
  /** Directions of the axes: their norms in parameter space. */
  directions: listOf(object({ name: text, norm: number }), 'a list of directions'),
  /** Multiples of the directions at which losses were taken: one axis for 1-D, two for 2-D. */
  axes: listOf(axis, 'a list of axes'),
  /** Loss at the run's own parameters. */
  center: numberOrNaN,
  /** 1-D: one curve for each direction. */
  curves: listOf(curveSchema, 'a list of curves').min(1, 'a list of curves').optional(),
  /** 2-D: losses[j][i] at axes[0][i], axes[1][j]. */
  losses: listOf(losses, 'a list of rows').optional(),
  /** What the loss is of: data, samples, BatchNorm mode, seed and the like. */
  settings: anything,
})
  .refine(({ dims, axes }) => axes.length === dims, { message: 'one axis for each of dims', path: ['axes'] })
  .refine(
    ({ dims, axes: [as], curves }) =>
      dims !== 1 || curves?.every((curve) => curve.losses.length === as!.length),
    { message: 'curves with a loss for each point of the axis', path: ['curves'] },
  )
  .refine(
    ({ dims, axes: [as, bs], losses: rows }) =>
      dims !== 2 || (rows?.length === bs!.length && rows.every((row) => row.length === as!.length)),
    { message: 'a row of losses for each point of the second axis', path: ['losses'] },
  );

/** Loss along one direction of parameter space. */
export interface LandscapeCurve extends ReadonlyDeep<z.output<typeof curveSchema>> {}

/** A loss surface as `landscape-*.json` holds it. */
export interface LandscapeFile extends ReadonlyDeep<z.output<typeof landscapeSchema>> {}

/** @throws FlatminError INVALID_DATA naming the file and the field */
export const checkLandscape = (content: unknown, path: string): LandscapeFile =>
  checkedSealed(landscapeSchema, content, path);

/** A row for each point: the coordinates and the loss. */
export function landscapeCsv({ dims, axes, curves = [], losses = [] }: LandscapeFile): string {
  const rows: (string | number | null)[][] =
    dims === 1
      ? [
          ['a', ...curves.map(({ direction }) => `loss_${direction}`)],
          ...axes[0]!.map((a, i) => [a, ...curves.map((curve) => curve.losses[i]!)]),
        ]
      : [['a', 'b', 'loss'], ...axes[1]!.flatMap((b, j) => axes[0]!.map((a, i) => [a, b, losses[j]![i]!]))];
  return `${rows.map((row) => row.map((value) => value ?? '').join()).join('\n')}\n`;
}
