import type { FieldArray } from '../data/index.js';
import { FlatminError, invalid } from '../errors.js';
import type { Compared } from '../losses/compared.js';
import type { ClassBatch, SequenceBatch, ValueBatch } from '../metrics/metric.js';
import { bestPaths } from '../metrics/sequences/best-path.js';
import type { BatchResult, BatchValue } from '../session/evaluator.js';
import { ofPlaces, type PredictedPlaces } from './place-predictions.js';

/** A class that a model predicts. */
export interface PredictedClass {
  /** Its place among the scores. */
  readonly class: number;
  /** Where the data name their classes. */
  readonly name?: string;
  /** By the softmax of the scores. */
  readonly probability: number;
}

/** What a model makes of one sample. */
export interface Prediction {
  /** Place of the sample in the data, from 0. */
  readonly index: number;
  /** Its file, relative to the folder of the data, where each sample has one. */
  readonly file?: string;
  /** The class that the data say it is. */
  readonly label?: number;
  /** The label's. */
  readonly name?: string;
  /** Of class scores: the classes with the largest probabilities, the largest first. */
  readonly predicted?: readonly PredictedClass[];
  /** The output's values; of binary scores the probabilities. */
  readonly values?: readonly number[];
  /** What the data say that they are. */
  readonly targets?: readonly number[];
  /** Of class scores of many places of a sample, such as tokens or pixels. */
  readonly places?: PredictedPlaces;
  /** Of scores of time steps: the labels along the best path. */
  readonly labels?: readonly number[];
  /** Numbers of the further outputs that were asked for, by name. */
  readonly outputs?: Readonly<Record<string, readonly number[]>>;
  /** Targets of the data that the loss does not compare with, by name. */
  readonly otherTargets?: Readonly<Record<string, readonly number[]>>;
}

/** How predictions are made of what a model computes: with a class for each sample, its values, or a sequence of labels. */
export type MakePredictions = (
  result: BatchResult,
  first: number,
  others?: Readonly<Record<string, FieldArray>>,
) => Prediction[];

export interface PredictionOptions {
  /** Classes of each sample. */
  readonly top: number;
  readonly classNames: readonly string[] | undefined;
  readonly fileOf?: ((index: number) => string) | undefined;
}

/** @throws FlatminError INVALID_ARGUMENT where the loss does not say what it compares, or nothing tells samples apart, or more than one class is asked for at each of many places */
export function predictionsOf(compared: Compared | undefined, options: PredictionOptions): MakePredictions {
  if (!compared)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      'The loss does not say which value of the model is the prediction: there is nothing to write.',
    );
  const hasPlaces = compared.kind === 'classes' && compared.rank > 2;
  if (hasPlaces && compared.classAxis === 0)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `The classes of "${compared.scores}" are on its first axis, so that nothing tells the samples apart: give an output with the samples first (--output).`,
    );
  if (hasPlaces && options.top > 1)
    throw invalid(
      'top',
      '1 where a sample has class scores of many places, such as tokens or pixels',
      options.top,
    );
  const make = {
    classes: (batch: unknown) =>
      hasPlaces ? ofPlaces(batch as ClassBatch) : ofClasses(batch as ClassBatch, options),
    values: (batch: unknown) => ofValues(batch as ValueBatch, (value) => value),
    binary: (batch: unknown) => ofValues(batch as ValueBatch, (logit) => 1 / (1 + Math.exp(-logit))),
    sequences: (batch: unknown) => bestPaths(batch as SequenceBatch).map((labels) => ({ labels })),
  }[compared.kind];
  const { fileOf } = options;
  return ({ compared: batch, size, values }, first, others = {}) => {
    const outputs = Object.entries(values).map(([name, value]) => [name, rowsOf(name, value, size)] as const);
    const targets = Object.entries(others).map(
      ([name, data]) => [name, rowsOf(name, { dims: [size], data }, size)] as const,
    );
    const ofSample = (all: typeof outputs, at: number) =>
      Object.fromEntries(all.map(([name, rows]) => [name, rows(at)]));
    return make(batch).map((each, at) => ({
      index: first + at,
      ...(fileOf && { file: fileOf(first + at) }),
      ...each,
      ...(outputs.length > 0 && { outputs: ofSample(outputs, at) }),
      ...(targets.length > 0 && { otherTargets: ofSample(targets, at) }),
    }));
  };
}

/** The numbers of each sample. @throws FlatminError INVALID_ARGUMENT where the first axis is not the samples */
function rowsOf(name: string, { dims, data }: BatchValue, size: number): (sample: number) => number[] {
  if (dims[0] !== size)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `"${name}" is ${dims.join(' × ') || 'one number'} for ${size} samples, so that nothing tells these apart: only values with the samples first can be written.`,
    );
  const each = data.length / size;
  return (sample) => Array.from(data.subarray(sample * each, (sample + 1) * each), Number);
}

type Unplaced = Omit<Prediction, 'index' | 'file'>;

function ofClasses(
  { scores, dims, targets }: ClassBatch,
  { top, classNames }: PredictionOptions,
): Unplaced[] {
  const classes = dims[1] ?? 1;
  const named = (label: number) => {
    const name = classNames?.[label];
    return name === undefined ? {} : { name };
  };
  return Array.from(targets, (target, sample) => {
    const row = scores.subarray(sample * classes, (sample + 1) * classes);
    const label = Number(target);
    const predicted = largestOf(row, top).map(({ class: index, probability }) => ({
      class: index,
      ...named(index),
      probability,
    }));
    return { label, ...named(label), predicted };
  });
}

/** The classes of the largest scores with their softmax; of equal scores the earlier classes. */
function largestOf(row: Float32Array, top: number): { class: number; probability: number }[] {
  const most = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const sum = row.reduce((total, score) => total + Math.exp(score - most), 0);
  const order = Array.from(row.keys()).sort((a, b) => row[b]! - row[a]! || a - b);
  return order
    .slice(0, top)
    .map((index) => ({ class: index, probability: Math.exp(row[index]! - most) / sum }));
}

function ofValues({ scores, dims, targets }: ValueBatch, shown: (value: number) => number): Unplaced[] {
  const samples = dims[0] ?? 1;
  const each = scores.length / samples;
  return Array.from({ length: samples }, (_, sample) => {
    const [from, to] = [sample * each, (sample + 1) * each];
    return {
      values: Array.from(scores.subarray(from, to), shown),
      targets: Array.from({ length: each }, (_, at) => targets[from + at]!),
    };
  });
}
