import { prepareSessionModel } from '../autodiff/prepare/session-model.js';
import { labelField } from '../data/balance/class-counts.js';
import { type Batch, DataLoader, type ImageShape, type Source, sampled } from '../data/index.js';
import { balancedWeights } from '../data/loading/sampling.js';
import { FlatminError, invalid } from '../errors.js';
import type { Communicator } from '../group/communicator.js';
import type { Loss } from '../losses/loss.js';
import { type ModelContext, openForeignModel, openModel } from '../models/open.js';
import type { ModelProto } from '../onnx/proto.js';
import type { Optimizer } from '../optim/optimizer.js';
import { checked } from '../options/option.js';
import type { Runtime } from '../ort/library.js';
import { TrainingSession } from '../session/session.js';
import { makeRunOptimizer, makeSchedule, type RateFactor } from '../settings/make-optimizer.js';
import { type TrainSettings, viewOf } from '../settings/schema.js';
import type { Device } from '../vectors/device/device.js';
import type { ParameterGroup } from '../vectors/parameter-space.js';
import { chooseLoss } from './choose-loss.js';
import { chooseSource } from './choose-source.js';
import { resolveClassWeights } from './class-weights.js';
import { bindData, boundSource, type DataBinding } from './data-binding.js';
import { type Execution, executionOptions, openExecution, runtimeOf } from './execution.js';
import { runGroups, runView, withNewHead } from './fine-tuning.js';
import { groupOf } from './ranks.js';

/** Classes that a note names. */
const MOST_NAMED = 10;

/** What a run works with, but for the session. */
export interface Preparation {
  readonly settings: TrainSettings;
  readonly source: Source;
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
  readonly trainLoader: DataLoader<Batch>;
  /** Each of `accumulate` batches; what does not fill a step is left out. */
  readonly stepsPerEpoch: number;
  /** Training samples without augmentation, for the final loss. */
  readonly trainEvaluation: { readonly loader: DataLoader<Batch>; readonly samples: number };
  /** Undefined where the data have no test part. */
  readonly testLoader: DataLoader<Batch> | undefined;
}

/** All that a run works with. */
export interface Setup extends Preparation {
  readonly session: TrainingSession;
  readonly runtime: Runtime;
  /** The ranks of the run. */
  readonly group: Communicator;
  readonly device: Device;
  close(): Promise<void>;
}

/** From settings to data, model and optimizer, all checked. Writes nothing, and holds nothing that must be closed. */
export async function prepare(given: TrainSettings, execution: Execution): Promise<Preparation> {
  const { batch, seed } = given;
  const { workers } = checked(executionOptions, execution);
  const foreign = execution.model ?? (await openForeignModel(given.model));
  const chosen = await chooseSource(given, execution, foreign);
  const { settings, notes: weighting } = await resolveClassWeights(given, chosen);
  const sampling = await samplingOf(settings, chosen);
  const opened = foreign ?? (await openModel(settings.model, modelContext(settings, chosen)));
  const { model, notes } = withNewHead(opened, settings);
  const loss = chooseLoss(settings, chosen);
  const prepared = prepareSessionModel(model, viewOf(settings));
  const view = runView(settings, prepared);
  const binding = await bindData(runtimeOf(execution), prepared, loss, chosen, {
    ...view,
    batch,
    layout: settings.layout,
  });
  const source = boundSource(chosen, binding);
  const trainLoader = new DataLoader<Batch>(
    { source, split: 'train' },
    { batch, seed, workers, sampleWeights: sampling.weights },
  );
  const stepsPerEpoch = countSteps(settings, trainLoader);
  const rateFactor = { value: 1 };
  const optimizer = makeRunOptimizer(settings, stepsPerEpoch, rateFactor);
  if (settings.earlyStop !== undefined && source.test.size === 0) {
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `"earlyStop" watches a metric on test samples, of which ${source.name} has none: leave it out.`,
    );
  }
  const schedule = makeSchedule(settings, stepsPerEpoch, rateFactor);
  const { parameters } = binding;
  const tuning = runGroups(settings, { prepared, parameters, schedule, stepsPerEpoch });
  return {
    settings,
    source,
    model,
    view,
    binding,
    groups: tuning.groups,
    notes: [...notes, ...weighting, ...sampling.notes, ...tuning.notes],
    optimizer,
    rateFactor,
    loss,
    trainLoader,
    stepsPerEpoch,
    ...evaluationLoaders(source, settings, workers),
  };
}

/** From settings to a session that is ready to train. Writes nothing. */
export async function setUp(given: TrainSettings, execution: Execution): Promise<Setup> {
  const prepared = await prepare(given, execution);
  const { settings } = prepared;
  const { model, view, loss, groups, binding, trainLoader, trainEvaluation, testLoader } = prepared;
  const { batch, seed, precision, recompute } = settings;
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
    group: execution.group,
    precision,
    recompute,
    onNotFinite: settings.onNan === 'skip' ? 'skip' : 'throw',
  });
  return {
    ...prepared,
    session,
    runtime,
    group: groupOf(execution),
    device,
    async close() {
      session.dispose();
      await Promise.all([trainLoader, trainEvaluation.loader, testLoader].map((loader) => loader?.close()));
    },
  };
}

/** How often classes come in an epoch, and what the user should know of it. @throws FlatminError INVALID_ARGUMENT for data without class labels */
async function samplingOf(
  { sampler, classWeights }: TrainSettings,
  source: Source,
): Promise<{ weights?: Float64Array; notes: string[] }> {
  if (sampler !== 'balanced') return { notes: [] };
  const { weights, counts } = await balancedWeights(source);
  const { names = [] } = labelField(source)?.classes ?? {};
  const present = counts.filter((count) => count > 0).length;
  const empty = names.filter((_, at) => counts[at] === 0);
  return {
    weights,
    notes: [
      `An epoch is ${weights.length} draws of training samples with replacement, by which each of ${present} classes comes as often (--sampler balanced).`,
      ...(empty.length > 0
        ? [
            `No training sample is of ${empty.slice(0, MOST_NAMED).join(', ')}${empty.length > MOST_NAMED ? ', …' : ''}: none is drawn.`,
          ]
        : []),
      ...(classWeights
        ? ['Both sampler and classWeights make up for classes of few samples: one of them is usual.']
        : []),
    ],
  };
}

/** @throws FlatminError INVALID_ARGUMENT where an epoch has too few batches for a step */
function countSteps(
  { accumulate = 1, batch }: TrainSettings,
  { batchesPerEpoch }: Pick<DataLoader, 'batchesPerEpoch'>,
): number {
  if (accumulate > batchesPerEpoch)
    throw invalid(
      'accumulate',
      `at most ${batchesPerEpoch}, the batches of ${batch} in an epoch`,
      accumulate,
    );
  return Math.floor(batchesPerEpoch / accumulate);
}

function evaluationLoaders(
  source: Source,
  { batch, seed, trainEvalSamples }: TrainSettings,
  workers: number,
): Pick<Preparation, 'trainEvaluation' | 'testLoader'> {
  const options = { batch, workers, shuffle: false, dropLast: false, augment: false };
  const part = sampled(source, { train: trainEvalSamples, seed });
  return {
    trainEvaluation: {
      loader: new DataLoader<Batch>({ source: part, split: 'train' }, options),
      samples: part.train.size,
    },
    testLoader: source.test.size > 0 ? new DataLoader<Batch>({ source, split: 'test' }, options) : undefined,
  };
}

/**
 * What a built-in model is made for.
 * @throws FlatminError INVALID_ARGUMENT for data that are not labelled images
 */
function modelContext(
  { model, shortcut, seed }: TrainSettings,
  { name, inputs, targets }: Source,
): ModelContext {
  const [image] = inputs;
  const classes = targets[0]?.classes?.count;
  if (inputs.length !== 1 || !image?.isImage || classes === undefined)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `The built-in models, such as ${model}, classify images, which ${name} does not hold: give a model of your own, --model FILE.onnx.`,
    );
  return { classes, inputShape: image.dims as unknown as ImageShape, shortcut, seed };
}
