/**
 * Measures of flatness, and what one's own is built with.
 * @module flatmin/sharpness
 */
export type { LandscapeCurve, LandscapeFile } from '../formats/landscape-file.js';
export { type About, checked, type Given, type Options, option, type Values } from '../options/option.js';
export {
  belowOne,
  choice,
  count,
  countOrZero,
  flag,
  notNegative,
  number,
  positive,
  share,
  text,
} from '../options/values.js';
export type { BatchNormMode } from '../session/data-objective.js';
export type { AscentResult } from '../sharpness/ascent.js';
export type { AscentNResult } from '../sharpness/ascent-n.js';
export type { AverageResult } from '../sharpness/average.js';
export { Ball } from '../sharpness/ball.js';
export { type Context, type MeasureDeclaration, measureKind } from '../sharpness/declare.js';
export type { DensityResult } from '../sharpness/density.js';
export type { EigenvaluesResult } from '../sharpness/eigenvalues.js';
export { Evaluations, type Passes } from '../sharpness/evaluations.js';
export type { ProductKind, ProductsUsed } from '../sharpness/hessian.js';
export { Hessian } from '../sharpness/hessian.js';
export type { LanczosOptions, Ritz } from '../sharpness/lanczos.js';
export { Lanczos } from '../sharpness/lanczos.js';
export type { MSharpnessResult } from '../sharpness/m-sharpness.js';
export {
  type Cost,
  type Measured,
  type MeasuredOwn,
  measure,
  type SharpnessReport,
} from '../sharpness/measure.js';
export type { Objective } from '../sharpness/objective.js';
export {
  type AskedMeasure,
  type DeclaredMeasure,
  MEASURE_NAMES,
  type MeasureName,
  type MeasureOption,
  type MeasureOptionValue,
  type MeasureResults,
  type OwnMeasure,
  type SharpnessOptions,
} from '../sharpness/options.js';
export { randomStream } from '../sharpness/random-streams.js';
export { meanOf } from '../sharpness/statistics.js';
export type { Eigen } from '../sharpness/symmetric-eigen.js';
export type { TraceResult } from '../sharpness/trace.js';
export type { WorstOptions, WorstResult } from '../sharpness/worst.js';
export { type LandscapeOptions, measureLandscape } from '../study/measure-landscape.js';
export {
  type MeasureSharpnessOptions,
  type ModelSharpnessReport,
  measureSharpness,
} from '../study/measure-sharpness.js';
export {
  ModelObjective,
  type ObjectiveFacts,
  type ObjectiveOptions,
  openObjective,
} from '../study/model-objective.js';
export type { SubjectOptions } from '../study/subject.js';
