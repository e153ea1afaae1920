import { checkSharpness, type WholeSharpnessFile } from '../../formats/run/sharpness.js';

/** A rise of the loss: value ± standard error. */
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
  readonly eigenvalues: readonly number[];
  readonly density:
    | { readonly eigenvalue: readonly number[]; readonly density: readonly number[] }
    | undefined;
}

/** From a report of `flatmin sharpness`. @throws FlatminError INVALID_DATA naming the file and the field */
export function sharpnessOf(content: unknown, path: string): Sharpness {
  const { measures, ...settings } = checkSharpness(content, path);
  const values = Object.entries(measures).flatMap(([measure, result]): SharpnessValue[] =>
    typeof result?.value === 'number'
      ? [{ measure, value: result.value, error: result.standardError ?? null }]
      : [],
  );
  return {
    rho: settings.rho,
    settings,
    rises: values.filter(({ measure }) => measure !== 'trace'),
    trace: values.find(({ measure }) => measure === 'trace'),
    eigenvalues: measures.eigenvalues?.values ?? [],
    density: measures.density?.curve,
  };
}
