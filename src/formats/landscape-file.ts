/** Loss along one direction of parameter space. */
export interface LandscapeCurve {
  /** 'random', 'gradient' or 'to'. */
  readonly direction: string;
  /** One for each point of the axis; null where the loss is not finite. */
  readonly losses: readonly (number | null)[];
}

/** A loss surface as `landscape-*.json` holds it. */
export interface LandscapeFile {
  /** What tells the file from others. */
  readonly kind: 'flatmin-landscape';
  /** Of this format. */
  readonly version: 1;
  /** Number of axes. */
  readonly dims: 1 | 2;
  /** Folder of the run at the origin. */
  readonly run: string;
  /** Folder of the run at a = 1 of the first axis; null for a surface around one run. */
  readonly to: string | null;
  /** How the directions were scaled. */
  readonly normalization: 'filter' | 'none';
  /** Directions of the axes: their norms in parameter space. */
  readonly directions: readonly { readonly name: string; readonly norm: number }[];
  /** Multiples of the directions at which losses were taken: one axis for 1-D, two for 2-D. */
  readonly axes: readonly (readonly number[])[];
  /** Loss at the run's own parameters. */
  readonly center: number;
  /** 1-D: one curve for each direction. */
  readonly curves?: readonly LandscapeCurve[];
  /** 2-D: losses[j][i] at axes[0][i], axes[1][j]. */
  readonly losses?: readonly (readonly (number | null)[])[];
  /** What the loss is of: data, samples, BatchNorm mode, seed and the like. */
  readonly settings: Readonly<Record<string, unknown>>;
}

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
