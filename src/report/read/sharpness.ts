import { isObject, type Json, numberOr } from './json.js';

/** A rise of the loss: value ± standard error. */
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
  readonly eigenvalues: readonly number[];
  readonly density:
    | { readonly eigenvalue: readonly number[]; readonly density: readonly number[] }
    | undefined;
}

/** From a report of `flatmin sharpness`; undefined where it is none. */
export function sharpnessOf(report: unknown): Sharpness | undefined {
  if (!isObject(report)) return undefined;
  if (!isObject(report.measures)) return sharpnessOf(report.report) ?? sharpnessOf(report.sharpness);
  const { measures, ...settings } = report;
  const rises: SharpnessValue[] = [];
  let trace: SharpnessValue | undefined;
  for (const [measure, result] of Object.entries(measures as Json)) {
    if (!isObject(result)) continue;
    const value = numberOr(result.value, undefined);
    if (value === undefined) continue;
    const one = { measure, value, error: numberOr(result.standardError, null) };
    if (measure === 'trace') trace = one;
    else rises.push(one);
  }
  const { eigenvalues, density } = measures as Json;
  return {
    rho: numberOr(report.rho, null),
    settings,
    rises,
    trace,
    eigenvalues: isObject(eigenvalues) ? numbers(eigenvalues.values) : [],
    density: isObject(density) && isObject(density.curve) ? curveOf(density.curve) : undefined,
  };
}

function curveOf(curve: Json): Sharpness['density'] {
  const [eigenvalue, density] = [numbers(curve.eigenvalue), numbers(curve.density)];
  return eigenvalue.length > 0 && eigenvalue.length === density.length ? { eigenvalue, density } : undefined;
}

const numbers = (value: unknown): number[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'number') ? value : [];
