import { isObject, type Json, numberOr } from './json.js';

/** A figure ± its error: of random directions, of an iteration, of differences of gradients. */
export interface SharpnessValue {
  readonly measure: string;
  readonly value: number;
  readonly error: number | null;
}

export interface Sharpness {
  readonly rho: number | null;
  /** What figures must share to compare: samples, seed, BatchNorm mode and the like. */
  readonly settings: Json;
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

/** From a report of `flatmin sharpness`; undefined where it is none. */
export function sharpnessOf(report: unknown): Sharpness | undefined {
  if (!isObject(report)) return undefined;
  if (!isObject(report.measures)) return sharpnessOf(report.report) ?? sharpnessOf(report.sharpness);
  const { measures, ...settings } = report;
  const rises: SharpnessValue[] = [];
  const warnings: { measure: string; warning: string }[] = [];
  let trace: SharpnessValue | undefined;
  for (const [measure, result] of Object.entries(measures as Json)) {
    if (!isObject(result)) continue;
    if (typeof result.warning === 'string') warnings.push({ measure, warning: result.warning });
    const value = numberOr(result.value, undefined);
    if (value === undefined) continue;
    const standardError = numberOr(result.standardError, null);
    const error = standardError === null ? null : standardError + numberOr(result.differenceError, 0);
    const one = { measure, value, error };
    if (measure === 'trace') trace = one;
    else rises.push(one);
  }
  const { eigenvalues, density } = measures as Json;
  return {
    rho: numberOr(report.rho, null),
    settings,
    rises,
    trace,
    eigenvalues: isObject(eigenvalues) ? eigenvaluesOf(eigenvalues) : [],
    density: isObject(density) && isObject(density.curve) ? curveOf(density.curve) : undefined,
    warnings,
  };
}

function eigenvaluesOf({ values, residuals }: Json): SharpnessValue[] {
  const errors = numbers(residuals);
  return numbers(values).map((value, i) => ({
    measure: `eigenvalue ${i + 1}`,
    value,
    error: errors[i] ?? null,
  }));
}

function curveOf(curve: Json): Sharpness['density'] {
  const [eigenvalue, density] = [numbers(curve.eigenvalue), numbers(curve.density)];
  return eigenvalue.length > 0 && eigenvalue.length === density.length ? { eigenvalue, density } : undefined;
}

const numbers = (value: unknown): number[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'number') ? value : [];
