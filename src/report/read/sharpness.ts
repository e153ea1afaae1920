import { checkSharpness, type WholeSharpnessFile } from '../../formats/run/sharpness.js';

/** A figure ± its error: of random directions, of an iteration, of differences of gradients. */
export interface SharpnessValue {
  readonly measure: string;
  readonly value: number;
  readonly error: number | null;
}

export interface Sharpness {
  readonly rho: number;
  /** What figures must share to compare: samples, seed, BatchNorm mode and the like. */
  readonly settings: Omit<WholeSharpnessFile, 'measures'>;
  /** Measures at the radius ρ. */
  readonly rises: readonly SharpnessValue[];
  readonly trace: SharpnessValue | undefined;
  readonly eigenvalues: readonly SharpnessValue[];
  readonly density:
    | { readonly eigenvalue: readonly number[]; readonly density: readonly number[] }
    | undefined;
  /** What is said against a figure. */
  readonly warnings: readonly { readonly measure: string; readonly warning: string }[];
}

/** From a report of `flatmin sharpness`. @throws FlatminError INVALID_DATA naming the file and the field */
export function sharpnessOf(content: unknown, path: string): Sharpness {
  const { measures, ...settings } = checkSharpness(content, path);
  const found = Object.entries(measures).flatMap(([measure, result]) =>
    result ? [{ measure, ...result }] : [],
  );
  const values = found.flatMap(({ measure, value, standardError, differenceError }): SharpnessValue[] => {
    if (typeof value !== 'number') return [];
    const error = typeof standardError === 'number' ? standardError + (differenceError ?? 0) : null;
    return [{ measure, value, error }];
  });
  const { eigenvalues, density } = measures;
  return {
    rho: settings.rho,
    settings,
    rises: values.filter(({ measure }) => measure !== 'trace'),
    trace: values.find(({ measure }) => measure === 'trace'),
    eigenvalues: (eigenvalues?.values ?? []).map((value, i) => ({
      measure: `eigenvalue ${i + 1}`,
      value,
      error: eigenvalues?.residuals?.[i] ?? null,
    })),
    density: density?.curve,
    warnings: found.flatMap(({ measure, warning }) => (warning === undefined ? [] : [{ measure, warning }])),
  };
}
