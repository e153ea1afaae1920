/**
 * What a step takes, in time and memory.
 * @module flatmin/bench
 */
export type { FormResult, OpForms } from '../bench/kernels/forms.js';
export type { StepKernel } from '../bench/kernels/kernels.js';
export { benchKernels, type KernelBenchOptions, type KernelReport } from '../bench/kernels/kernels.js';
export type { Limits } from '../bench/kernels/limits.js';
export type { Roofline } from '../bench/kernels/roofline.js';
export type { MemoryUse } from '../bench/memory/measure.js';
export { benchMemory, type MemoryBenchOptions, type MemoryReport } from '../bench/memory/memory.js';
export type { StepMeasurement } from '../bench/models/measure.js';
export { benchModels } from '../bench/models/models.js';
export type { ModelsOptions, PeerMode, PeerOptimizer, PeerPrecision } from '../bench/models/options.js';
export type {
  ModelRatios,
  ModelResult,
  ModelsMean,
  ModelsReport,
  ModelTiming,
} from '../bench/models/results.js';
export type { StepCost } from '../bench/models/step-cost.js';
export type { BenchOptions } from '../bench/options.js';
export type { ScalePoint, Sweep } from '../bench/scale/points.js';
export type { ScaleReport, ScaleResult } from '../bench/scale/results.js';
export { benchScale, type ScaleOptions } from '../bench/scale/scale.js';
export { type BenchReport, benchStep, type StepBenchOptions } from '../bench/step.js';
export type { PeerTiming } from '../bench/torch/compare.js';
export { type CompareOptions, compareTorch, type TorchComparison } from '../bench/torch/compare.js';
