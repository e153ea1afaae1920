import { availableParallelism } from 'node:os';
import { DataLoader, type Dataset, openDataset, subset } from '../data/index.js';
import { crossEntropy } from '../losses/cross-entropy.js';
import { openModel } from '../models/open.js';
import type { ModelProto } from '../onnx/proto.js';
import type { Optimizer } from '../optim/optimizer.js';
import { openRuntime, type Runtime } from '../runtime/library.js';
import { parseAugmentation } from './augmentation-spec.js';
import { bindData, type DataBinding } from './data-binding.js';
import { parameterGroups } from './group-spec.js';
import { makeOptimizer, makeSchedule } from './make-optimizer.js';
import { TrainingSession } from './session.js';
import type { TrainSettings } from './settings.js';

/** How a run is executed: what does not change its results (threads: beyond rounding). */
export interface Execution {
  /** Threads of sessions and vector operations; default: all cores. */
  threads?: number | undefined;
  /** Threads that prepare batches; default 1. */
  workers?: number | undefined;
  /** Default: the ONNX Runtime that npm installed. */
  runtime?: Runtime | undefined;
  /** Instead of the data set that the settings name. */
  dataset?: Dataset | undefined;
  /** Instead of the model that the settings name. */
  model?: ModelProto | undefined;
}

/** All that a run works with. */
export interface Setup {
  readonly settings: TrainSettings;
  readonly dataset: Dataset;
  readonly binding: DataBinding;
  readonly session: TrainingSession;
  readonly optimizer: Optimizer;
  readonly loss: string;
  readonly trainLoader: DataLoader;
  /** Training samples without augmentation, for the final loss. */
  readonly trainEvaluation: { readonly loader: DataLoader; readonly samples: number };
  /** Undefined where the data have no test part. */
  readonly testLoader: DataLoader | undefined;
  readonly runtime: Runtime;
  readonly threads: number;
  close(): Promise<void>;
}

/** From settings to data, model, session and optimizer. Writes nothing. */
export async function setUp(settings: TrainSettings, execution: Execution): Promise<Setup> {
  const { batch, seed } = settings;
  const dataset = await chooseData(settings, execution);
  const { threads = availableParallelism(), workers = 1, runtime = openRuntime() } = execution;
  const augmentation = parseAugmentation(settings.augment);
  const trainLoader = new DataLoader(
    { dataset, split: 'train' },
    { batch, seed, workers, ...(augmentation && { augmentation }) },
  );
  const evaluation = evaluationLoaders(dataset, trainLoader, settings, workers);
  const optimizer = makeOptimizer(settings, makeSchedule(settings, trainLoader.batchesPerEpoch));
  const loss = crossEntropy({ labelSmoothing: settings.labelSmoothing });
  const model = execution.model ?? (await openModel(settings.model, modelContext(settings, dataset)));
  const binding = bindData(model, loss, dataset);
  const session = await TrainingSession.create(model, {
    loss,
    batch,
    groups: parameterGroups(settings.groups, binding.parameters),
    seed,
    threads,
    runtime,
  });
  return {
    settings,
    dataset,
    binding,
    session,
    optimizer,
    loss: loss.name,
    trainLoader,
    ...evaluation,
    runtime,
    threads,
    async close() {
      session.dispose();
      const loaders = [trainLoader, evaluation.trainEvaluation.loader, evaluation.testLoader];
      await Promise.all(loaders.map((loader) => loader?.close()));
    },
  };
}

async function chooseData(settings: TrainSettings, execution: Execution): Promise<Dataset> {
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
): Pick<Setup, 'trainEvaluation' | 'testLoader'> {
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
