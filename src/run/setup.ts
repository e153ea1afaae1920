import { prepareSessionModel } from '../autodiff/prepare/session-model.js';
import { DataLoader, type Dataset, openDataset, subset } from '../data/index.js';
import { FlatminError, invalid } from '../errors.js';
import { crossEntropy } from '../losses/cross-entropy.js';
import type { Loss } from '../losses/loss.js';
import { openModel } from '../models/open.js';
import type { ModelProto } from '../onnx/proto.js';
import type { Optimizer } from '../optim/optimizer.js';
import { checked } from '../options/option.js';
import type { Runtime } from '../ort/library.js';
import { TrainingSession } from '../session/session.js';
import { parseAugmentation } from '../settings/augmentation-spec.js';
import { makeRunOptimizer, makeSchedule, type RateFactor } from '../settings/make-optimizer.js';
import { type TrainSettings, viewOf } from '../settings/schema.js';
import type { Device } from '../vectors/device/device.js';
import type { ParameterGroup } from '../vectors/parameter-space.js';
import { bindData, type DataBinding } from './data-binding.js';
import { type Execution, executionOptions, openExecution, runtimeOf } from './execution.js';
import { runGroups, runView, withNewHead } from './fine-tuning.js';

/** What a run works with, but for the session. */
export interface Preparation {
  readonly settings: TrainSettings;
  readonly dataset: Dataset;
  readonly model: ModelProto;
  readonly binding: DataBinding;
  readonly groups: readonly ParameterGroup[];
  /** How the session takes the model. */
  readonly view: ReturnType<typeof runView>;
  /** What has been done for fine-tuning. */
  readonly notes: readonly string[];
  readonly optimizer: Optimizer;
  readonly rateFactor: RateFactor;
  readonly loss: Loss;
  readonly trainLoader: DataLoader;
  /** Each of `accumulate` batches; what does not fill a step is left out. */
  readonly stepsPerEpoch: number;
  /** Training samples without augmentation, for the final loss. */
  readonly trainEvaluation: { readonly loader: DataLoader; readonly samples: number };
  /** Undefined where the data have no test part. */
  readonly testLoader: DataLoader | undefined;
}

/** All that a run works with. */
export interface Setup extends Preparation {
  readonly session: TrainingSession;
  readonly runtime: Runtime;
  readonly device: Device;
  close(): Promise<void>;
}

/** From settings to data, model and optimizer, all checked. Writes nothing, and holds nothing that must be closed. */
export async function prepare(settings: TrainSettings, execution: Execution): Promise<Preparation> {
  const { batch, seed } = settings;
  const { workers } = checked(executionOptions, execution);
  const dataset = await chooseData(settings, execution);
  const augmentation = parseAugmentation(settings.augment);
  const trainLoader = new DataLoader(
    { dataset, split: 'train' },
    { batch, seed, workers, ...(augmentation && { augmentation }) },
  );
  const stepsPerEpoch = countSteps(settings, trainLoader);
  const rateFactor = { value: 1 };
  const optimizer = makeRunOptimizer(settings, stepsPerEpoch, rateFactor);
  if (settings.earlyStop !== undefined && dataset.test.size === 0) {
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `"earlyStop" watches the accuracy on test images, of which ${dataset.name} has none: leave it out.`,
    );
  }
  const loss = crossEntropy({ labelSmoothing: settings.labelSmoothing });
  const opened = execution.model ?? (await openModel(settings.model, modelContext(settings, dataset)));
  const { model, notes } = withNewHead(opened, settings);
  const prepared = prepareSessionModel(model, viewOf(settings));
  const view = runView(settings, prepared);
  const binding = await bindData(runtimeOf(execution), prepared, loss, dataset, {
    ...view,
    batch,
    layout: settings.layout,
  });
  const schedule = makeSchedule(settings, stepsPerEpoch, rateFactor);
  const { parameters } = binding;
  const tuning = runGroups(settings, { prepared, parameters, schedule, stepsPerEpoch });
  return {
    settings,
    dataset,
    model,
    view,
    binding,
    groups: tuning.groups,
    notes: [...notes, ...tuning.notes],
    optimizer,
    rateFactor,
    loss,
    trainLoader,
    stepsPerEpoch,
    ...evaluationLoaders(dataset, trainLoader, settings, workers),
  };
}

/** From settings to a session that is ready to train. Writes nothing. */
export async function setUp(settings: TrainSettings, execution: Execution): Promise<Setup> {
  const prepared = await prepare(settings, execution);
  const { model, view, loss, groups, binding, trainLoader, trainEvaluation, testLoader } = prepared;
  const { batch, seed, precision } = settings;
  const { device, runtime } = openExecution(execution, precision);
  const session = await TrainingSession.create(model, {
    ...view,
    loss,
    batch,
    dims: binding.dims,
    groups,
    // Linear probing is of features that stay.
    batchNorm: settings.headOnly ? 'running' : 'batch',
    seed,
    device,
    runtime,
    precision,
    onNotFinite: settings.onNan === 'skip' ? 'skip' : 'throw',
  });
  return {
    ...prepared,
    session,
    runtime,
    device,
    async close() {
      session.dispose();
      await Promise.all([trainLoader, trainEvaluation.loader, testLoader].map((loader) => loader?.close()));
    },
  };
}

/** @throws FlatminError INVALID_ARGUMENT where an epoch has too few batches for a step */
function countSteps({ accumulate = 1, batch }: TrainSettings, { batchesPerEpoch }: DataLoader): number {
  if (accumulate > batchesPerEpoch)
    throw invalid(
      'accumulate',
      `at most ${batchesPerEpoch}, the batches of ${batch} in an epoch`,
      accumulate,
    );
  return Math.floor(batchesPerEpoch / accumulate);
}

/** The data of a run: the data set that the settings name, or the seeded part of it that they ask for. */
export async function chooseData(settings: TrainSettings, execution: Execution): Promise<Dataset> {
  const { data, trainSamples: train, testSamples: test, seed } = settings;
  const dataset = execution.dataset ?? (await openDataset(data));
  return train === undefined && test === undefined
    ? dataset
    : subset(dataset, { seed, ...(train !== undefined && { train }), ...(test !== undefined && { test }) });
}

function evaluationLoaders(
  dataset: Dataset,
  { normalization }: DataLoader,
  { batch, seed, trainEvalSamples }: TrainSettings,
  workers: number,
): Pick<Preparation, 'trainEvaluation' | 'testLoader'> {
  const options = { batch, workers, normalization, shuffle: false, dropLast: false };
  const part = trainEvalSamples === undefined ? dataset : subset(dataset, { train: trainEvalSamples, seed });
  return {
    trainEvaluation: {
      loader: new DataLoader({ dataset: part, split: 'train' }, options),
      samples: part.train.size,
    },
    testLoader: dataset.test.size > 0 ? new DataLoader({ dataset, split: 'test' }, options) : undefined,
  };
}

const modelContext = ({ shortcut, seed }: TrainSettings, { classes, shape }: Dataset) => ({
  classes,
  inputShape: shape,
  shortcut,
  seed,
});
