import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ModelView, prepareSessionModel } from '../autodiff/prepare/session-model.js';
import type { Layout } from '../compile/image-layout.js';
import type { LossChoice } from '../compile/loss-model.js';
import {
  DATA_HINT,
  type Dataset,
  type Normalization,
  openDataset,
  subset,
  trainingSetNormalization,
} from '../data/index.js';
import { FlatminError, invalid } from '../errors.js';
import { isComparisonConfig } from '../formats/run/config.js';
import { crossEntropy } from '../losses/cross-entropy.js';
import type { Loss } from '../losses/loss.js';
import { readModel } from '../onnx/model.js';
import type { ModelProto } from '../onnx/proto.js';
import { bindData } from '../run/data-binding.js';
import { type Execution, openExecution } from '../run/execution.js';
import { readRunConfig } from '../run/folder/run-folder.js';
import { savedSettings } from '../run/folder/saved-settings.js';
import { chooseData } from '../run/setup.js';
import { type BatchNormMode, DataObjective } from '../session/data-objective.js';
import { ModelWeights } from '../session/model-weights.js';
import { parameterGroups } from '../settings/group-spec.js';
import { type TrainSettings, type ViewSettings, viewOf } from '../settings/schema.js';
import { measure, type SharpnessReport } from '../sharpness/measure.js';
import { resolveOptions, type SharpnessOptions } from '../sharpness/options.js';
import type { ParameterGroup } from '../vectors/parameter-space.js';
import { datasetSamples } from './dataset-samples.js';

export interface MeasureSharpnessOptions
  extends SharpnessOptions,
    Pick<Execution, 'device' | 'threads' | 'runtime' | 'cudaGraphs' | 'dataset'>,
    Partial<ViewSettings>,
    Pick<Partial<TrainSettings>, 'layout'> {
  /** The folder of a finished run: its model, data, loss and frozen parameters. Either this or `model`. */
  run?: string | undefined;
  /** A forward model with its weights, or the path of one. */
  model?: ModelProto | string | undefined;
  /** What openDataset takes; of a run, default its own. */
  data?: string | undefined;
  /** Of the cross-entropy; of a run, default its own, else 0. */
  labelSmoothing?: number | undefined;
  /** A part of the training samples drawn by `seed`, or 'all' (default). */
  samples?: number | 'all' | undefined;
  /** Samples in one run of a session; default 256, or the run's batch where BatchNorm uses batch statistics. */
  batch?: number | undefined;
  /** Takes what is decided about the model that the user should know. */
  onNote?: ((note: string) => void) | undefined;
  /** Statistics that BatchNormalization uses; default 'running'. */
  batchNorm?: BatchNormMode | undefined;
}

/** A report, and what else must be the same for its figures to compare with another's. Plain JSON. */
export interface ModelSharpnessReport extends SharpnessReport {
  /** Path of the model, or the name of its graph. */
  model: string;
  /** Trainable numbers. */
  parameters: number;
  data: string;
  /** Training samples that `samples` were drawn from by `seed`. */
  samplesOf: number;
  /** (pixel / scale − mean) / std for each channel. */
  normalization: { scale: number } & Normalization;
  lossName: string;
  batchNorm: BatchNormMode;
  /** Samples in one run of a session. */
  batch: number;
  cost: {
    /** Of the whole measurement, data aside. */
    seconds: number;
    /** Building and loading sessions. */
    loadingSeconds: number;
    /** Runs of sessions: gradients and losses. */
    sessionSeconds: number;
  };
}

const DEFAULT_BATCH = 256;

/**
 * Measures the sharpness of a trained model's loss over training samples, without augmentation and without weight decay.
 * @throws FlatminError INVALID_ARGUMENT, NOT_FOUND, INVALID_DATA, INVALID_MODEL before anything is computed; NOT_FINITE
 */
export async function measureSharpness(options: MeasureSharpnessOptions): Promise<ModelSharpnessReport> {
  const { batchNorm = 'running', samples = 'all' } = options;
  const { seed } = resolveOptions(options);
  if (batchNorm !== 'running' && batchNorm !== 'batch')
    throw invalid('batchNorm', "'running' or 'batch'", batchNorm);
  if (samples !== 'all' && !(Number.isSafeInteger(samples) && samples > 0))
    throw invalid('samples', "a positive integer or 'all'", samples);
  const subject = await chooseSubject(options);
  const { model, loss, dataset } = subject;
  const batch = options.batch ?? (batchNorm === 'batch' ? subject.batch : undefined) ?? DEFAULT_BATCH;
  const prepared = prepareSessionModel(model, subject.view);
  const { device, runtime } = openExecution(options);
  const view = { ...subject.view, batch: Math.min(batch, dataset.train.size), layout: subject.layout };
  const binding = await bindData(runtime, prepared, loss, dataset, view);
  for (const note of binding.notes) options.onNote?.(note);
  const normalization = trainingSetNormalization(dataset);
  const part = samples === 'all' ? dataset : subset(dataset, { train: samples, test: 0, seed });

  const start = performance.now();
  const groups = subject.groups(binding.parameters);
  const weights = new ModelWeights(binding.weights, binding.initializers, { groups, device });
  const data = datasetSamples(part, normalization, binding);
  const objective = DataObjective.create(prepared, weights, data, {
    ...subject.view,
    loss,
    batch,
    dims: binding.dims,
    batchNorm,
    runtime,
  });
  try {
    const report = await measure(objective, options);
    return {
      model: subject.name,
      parameters: weights.space.arena.count,
      data: subject.data,
      samplesOf: dataset.train.size,
      normalization: { scale: dataset.scale, ...normalization },
      lossName: loss.name,
      batchNorm,
      batch,
      ...report,
      cost: {
        seconds: (performance.now() - start) / 1000,
        loadingSeconds: objective.seconds.loading,
        sessionSeconds: objective.seconds.running,
      },
    };
  } finally {
    objective.dispose();
    weights.dispose();
  }
}

/** What is measured. */
export interface Subject {
  name: string;
  model: ModelProto;
  data: string;
  dataset: Dataset;
  loss: Loss;
  /** How the model is taken. */
  view: ModelView & LossChoice;
  layout: Layout | undefined;
  /** Of the run. */
  batch?: number;
  groups(parameters: readonly string[]): ParameterGroup[];
}

async function chooseSubject(options: MeasureSharpnessOptions): Promise<Subject> {
  const { run, model, data, dataset, labelSmoothing } = options;
  if ((run === undefined) === (model === undefined))
    throw new FlatminError('INVALID_ARGUMENT', 'Give either the folder of a run or a model.');
  if (run !== undefined) return subjectOfRun(run, options);
  if (!dataset && !data) throw new FlatminError('INVALID_ARGUMENT', `A model needs data: ${DATA_HINT}.`);
  const opened = typeof model === 'string' ? await readModel(model) : model!;
  const chosen = dataset ?? (await openDataset(data!));
  return {
    name: typeof model === 'string' ? model : opened.graph.name || 'model',
    model: opened,
    data: data ?? chosen.name,
    dataset: chosen,
    loss: crossEntropy(labelSmoothing === undefined ? {} : { labelSmoothing }),
    view: viewOf(options),
    layout: options.layout,
    groups: () => [],
  };
}

/** The model, data and loss of a finished run. @throws FlatminError NOT_FOUND, INVALID_ARGUMENT, INVALID_DATA */
export async function subjectOfRun(
  dir: string,
  options: Pick<
    MeasureSharpnessOptions,
    'data' | 'dataset' | 'labelSmoothing' | 'layout' | keyof ViewSettings
  >,
): Promise<Subject> {
  const { data, dataset } = options;
  const settings = await readSettings(dir);
  const path = join(dir, 'model.onnx');
  if (!(await stat(path).catch(() => undefined))) {
    throw new FlatminError(
      'NOT_FOUND',
      `${dir} has no model.onnx: the run is not finished; go on with it: flatmin train --resume --out ${dir}`,
    );
  }
  const chosen = { ...settings, ...(data !== undefined && { data }) };
  const { labelSmoothing = settings.labelSmoothing } = options;
  return {
    name: path,
    model: await readModel(path),
    data: chosen.data,
    dataset: await chooseData(chosen, { dataset }),
    loss: crossEntropy({ labelSmoothing }),
    view: viewOf({ ...settings, ...defined(options) }),
    layout: options.layout ?? settings.layout,
    batch: settings.batch,
    groups: (parameters) => parameterGroups(settings.groups, parameters),
  };
}

const defined = <T extends object>(options: T): T =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;

async function readSettings(dir: string): Promise<TrainSettings> {
  const config = await readRunConfig(dir);
  if (!config) throw new FlatminError('NOT_FOUND', `${dir} has no run (no config.json).`);
  if (isComparisonConfig(config)) {
    const names = config.compare.map((name) => join(dir, name));
    throw new FlatminError('INVALID_ARGUMENT', `${dir} holds several runs: give one of ${names.join(', ')}.`);
  }
  return savedSettings(dir, config);
}
