import type { Limits } from '../kernels/limits.js';
import type { Roofline } from '../kernels/roofline.js';
import { median } from '../statistics.js';
import type { StepMeasurement } from './measure.js';
import type { PeerOptimizer, PeerPrecision } from './options.js';
import type { StepCost } from './step-cost.js';

/** One side of the comparison of a model, over all rounds. */
export interface ModelTiming extends StepMeasurement {
  /** 'flatmin stock', 'flatmin training', or a mode of PyTorch. */
  readonly peer: string;
  /** Median of all timed steps. */
  readonly secondsPerStep: number;
  /** The fastest step. */
  readonly bestSeconds: number;
  /** Of the processor: the median. */
  readonly cpuSecondsPerStep: number;
}

/** What PyTorch's side is to flatmin's: above 1, flatmin is better. Null where a side is missing. */
export interface ModelRatios {
  /** Of the medians, the fastest of each side. */
  readonly ratio: number | null;
  /** Of the fastest steps. */
  readonly bestRatio: number | null;
  /** Of the medians of the processor's time. */
  readonly cpuRatio: number | null;
  /** Of peak memory: the least of PyTorch's modes to that of flatmin's fastest side. */
  readonly memoryRatio: number | null;
}

/** A training step of one model, optimizer and precision. */
export interface ModelResult extends ModelRatios {
  /** Name of its file, without .onnx. */
  readonly model: string;
  /** Of the step. */
  readonly optimizer: PeerOptimizer;
  /** That the step was computed in. */
  readonly precision: PeerPrecision;
  /** On each runtime. */
  readonly flatmin: readonly ModelTiming[];
  /** PyTorch's modes. */
  readonly torch: readonly ModelTiming[];
  /** Sides that do not run, and why. */
  readonly unavailable: Readonly<Record<string, string>>;
  /** What the step of flatmin's fastest side takes to that of SGD there; null for SGD, and where that was not measured. */
  readonly overSgd: number | null;
  /** Null where flatmin does not run it. */
  readonly cost: StepCost | null;
  /** Of flatmin's fastest side. */
  readonly roofline: Roofline | null;
}

/** Over models. */
export interface ModelsMean {
  /** Of the steps. */
  readonly optimizer: PeerOptimizer;
  /** That they were computed in. */
  readonly precision: PeerPrecision;
  /** Models that both sides ran. */
  readonly models: number;
  /** The geometric mean of the models' ratios of medians. */
  readonly ratio: number;
  /** Of those of the fastest steps. */
  readonly bestRatio: number;
  /** Of those of the processor's time. */
  readonly cpuRatio: number;
}

/** Training steps of models in flatmin and in PyTorch. Plain JSON. */
export interface ModelsReport {
  /** Where it was measured. */
  readonly machine: {
    /** Name of the processor. */
    readonly cpu: string;
    /** That the process may use. */
    readonly cores: number;
    /** Vector extensions; null where the system does not say. */
    readonly vectors: readonly string[] | null;
    /** Threads that steps were given. */
    readonly threads: number;
    /** That it has. */
    readonly memoryBytes: number;
    /** The best of a measurement before the steps and one behind them, in float32. */
    readonly limits: Limits;
  };
  /** Of flatmin, Node.js, ONNX Runtime by its build, and what Python has. */
  readonly versions: Readonly<Record<string, string>>;
  /** Rounds, steps and modes. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** By model, precision and optimizer. */
  readonly results: readonly ModelResult[];
  /** By precision and optimizer. */
  readonly means: readonly ModelsMean[];
  /** What the reader should know, such as why PyTorch is left out. */
  readonly notes: readonly string[];
}

/** @throws RangeError for no numbers, or one that is not positive */
export function geometricMean(values: readonly number[]): number {
  if (values.length === 0 || values.some((value) => !(value > 0)))
    throw new RangeError(`No geometric mean of [${values.join(', ')}].`);
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** All rounds of one side. @param rounds one at least */
export function timingOf(peer: string, rounds: readonly StepMeasurement[]): ModelTiming {
  const stepSeconds = rounds.flatMap((round) => round.stepSeconds);
  const cpuSeconds = rounds.flatMap((round) => round.cpuSeconds);
  const middle = (part: 'buildSeconds' | 'firstStepSeconds') => median(rounds.map((round) => round[part]));
  const most = (part: 'peakRssBytes' | 'importRssBytes') => Math.max(...rounds.map((round) => round[part]));
  return {
    ...{ peer, stepSeconds, cpuSeconds },
    secondsPerStep: median(stepSeconds),
    bestSeconds: Math.min(...stepSeconds),
    cpuSecondsPerStep: median(cpuSeconds),
    buildSeconds: middle('buildSeconds'),
    firstStepSeconds: middle('firstStepSeconds'),
    firstLoss: rounds[0]!.firstLoss,
    parameters: rounds[0]!.parameters,
    peakRssBytes: most('peakRssBytes'),
    importRssBytes: most('importRssBytes'),
  };
}

type Figure = 'secondsPerStep' | 'bestSeconds' | 'cpuSecondsPerStep' | 'peakRssBytes';

/** The side with the least of a figure; undefined of none. */
export const least = (timings: readonly ModelTiming[], figure: Figure = 'secondsPerStep') =>
  timings.reduce<ModelTiming | undefined>((a, b) => (a && a[figure] <= b[figure] ? a : b), undefined);

export function ratiosOf(flatmin: readonly ModelTiming[], torch: readonly ModelTiming[]): ModelRatios {
  const ratio = (figure: Figure): number | null => {
    const own = figure === 'peakRssBytes' ? least(flatmin) : least(flatmin, figure);
    const other = least(torch, figure);
    return own && other ? other[figure] / own[figure] : null;
  };
  return {
    ratio: ratio('secondsPerStep'),
    bestRatio: ratio('bestSeconds'),
    cpuRatio: ratio('cpuSecondsPerStep'),
    memoryRatio: ratio('peakRssBytes'),
  };
}

/** By precision and optimizer, in the order of the results; those that no model has both sides of are left out. */
export function meansOf(results: readonly ModelResult[]): ModelsMean[] {
  const groups = new Map<string, ModelResult[]>();
  for (const result of results) {
    const key = JSON.stringify([result.optimizer, result.precision]);
    if (result.ratio !== null) groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  return [...groups.values()].map((group) => {
    const mean = (part: 'ratio' | 'bestRatio' | 'cpuRatio') => geometricMean(group.map((one) => one[part]!));
    const { optimizer, precision } = group[0]!;
    return {
      ...{ optimizer, precision, models: group.length },
      ...{ ratio: mean('ratio'), bestRatio: mean('bestRatio'), cpuRatio: mean('cpuRatio') },
    };
  });
}

/** The results with what each step takes to that of SGD, on the side that is the fastest with the optimizer. */
export function withOverSgd(results: readonly ModelResult[]): ModelResult[] {
  return results.map((result) => {
    const own = least(result.flatmin);
    const base = results
      .find(
        ({ model, precision, optimizer }) =>
          model === result.model && precision === result.precision && optimizer === 'sgd',
      )
      ?.flatmin.find(({ peer }) => peer === own?.peer);
    const isOther = result.optimizer !== 'sgd' && own && base;
    return { ...result, overSgd: isOther ? own.secondsPerStep / base.secondsPerStep : null };
  });
}
