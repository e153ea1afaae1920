import { join } from 'node:path';
import { FlatminError, invalid, withPath } from '../errors.js';
import { writeFileAtomic } from '../formats/atomic.js';
import { type ExecutionRecord, isComparisonConfig } from '../formats/run/config.js';
import type { TrainSummary } from '../formats/run/summary.js';
import type { WeightVectors } from '../session/model-weights.js';
import type { TrainingSession } from '../session/session.js';
import { assertUsed, resolveSettings } from '../settings/resolve.js';
import { stepSamples, type TrainSettings } from '../settings/schema.js';
import { hasCheckpoint, initialState, type RunState, readCheckpoint } from './checkpoint.js';
import { CHECKPOINT, Checkpoints } from './checkpoints.js';
import { environment } from './environment.js';
import type { Execution } from './execution.js';
import { assertSameConfig } from './folder/run-config.js';
import { RunFolder } from './folder/run-folder.js';
import { RunLog } from './folder/run-log.js';
import { savedSettings } from './folder/saved-settings.js';
import { createProgress, type Progress, timedProgress } from './progress.js';
import { type Setup, setUp } from './setup.js';
import { peakRssBytes, readSummary } from './summary.js';
import { Trainer, type TrainerOptions } from './trainer.js';

export interface TrainOptions
  extends Execution,
    Pick<TrainerOptions, 'checkpointEvery' | 'keepBest' | 'signal'> {
  /** The run's folder. */
  out: string;
  /** Go on with the run in the folder; its settings are those it began with. */
  resume?: boolean | undefined;
  /** What the progress on stderr begins with; absent: no progress. */
  label?: string | undefined;
  /**
   * Told how many seconds `signal` could not stop the run, for each such stretch: a step, with a checkpoint where one was due. With it, a
   * checkpoint is written before the first step, and its time told.
   */
  onUninterrupted?: ((seconds: number) => void) | undefined;
}

const SUMMARY = 'summary.json';
/** Part of config.json that tells how the run was executed. */
const EXECUTION = 'execution';

/**
 * Trains a model and writes the run's folder: config.json, metrics.jsonl, tensorboard/, checkpoint.safetensors, and at the end
 * model.onnx and summary.json.
 * @param given settings other than the defaults: `model` and `data` at least, unless the run is resumed
 * @throws FlatminError INVALID_ARGUMENT, INVALID_DATA, INVALID_MODEL, NOT_FOUND before anything is written; IN_USE;
 * NOT_FINITE for a diverging loss and INTERRUPTED on `signal`, both with a checkpoint to go on from
 */
export async function train(given: Partial<TrainSettings>, options: TrainOptions): Promise<TrainSummary> {
  const { out, resume = false } = options;
  checkCheckpointEvery(options.checkpointEvery);
  const config = await RunFolder.check(out, { resume });
  const saved = config && savedSettings(out, config);
  const settings = resolveSettings(given, saved);
  if (saved) assertSameConfig(saved, settings);
  else assertUsed(given, [settings.optimizer]);
  const finished = saved && (await readSummary(join(out, SUMMARY)));
  if (finished) return finished;

  const setup = await setUp(settings, options);
  try {
    const now = { ...settings, [EXECUTION]: describeExecution(setup) };
    const folder = await RunFolder.create(out, now, { resume, ignoredKeys: [EXECUTION] });
    try {
      return await trainIn(folder, setup, options);
    } catch (error) {
      throw withPath(error, folder.dir);
    } finally {
      folder.close();
    }
  } finally {
    await setup.close();
  }
}

async function trainIn(folder: RunFolder, setup: Setup, options: TrainOptions): Promise<TrainSummary> {
  const { settings, session, stepsPerEpoch, optimizer } = setup;
  const checkpoint = folder.path(CHECKPOINT);
  const state = (await hasCheckpoint(checkpoint))
    ? await readCheckpoint(checkpoint, session, optimizer)
    : initialState();
  const progress = createProgress({
    label: options.label ?? '',
    total: settings.epochs * stepsPerEpoch,
    start: state.step,
    enabled: options.label !== undefined,
  });
  const log = await RunLog.open(folder, state, stepsPerEpoch * (settings.accumulate ?? 1));
  try {
    announce(progress, setup, state, folder);
    const { onUninterrupted } = options;
    if (onUninterrupted)
      await timeCheckpoint(new Checkpoints(setup, state, { folder, log }), onUninterrupted);
    const shown = onUninterrupted ? timedProgress(progress, state.step, onUninterrupted) : progress;
    const trainer = new Trainer(setup, state, { ...options, folder, log, progress: shown });
    await trainer.run();
    progress.stop();
    return await finish(trainer, folder, setup, state, progress);
  } finally {
    progress.stop();
    await log.close();
  }
}

async function timeCheckpoint(checkpoints: Checkpoints, tell: (seconds: number) => void): Promise<void> {
  const began = performance.now();
  await checkpoints.write();
  tell((performance.now() - began) / 1000);
}

/** Final losses, model.onnx, and last of all summary.json, which marks the run as finished. */
async function finish(
  trainer: Trainer,
  folder: RunFolder,
  setup: Setup,
  state: RunState,
  progress: Progress,
): Promise<TrainSummary> {
  const { settings, session, dataset, testLoader, trainEvaluation, trainLoader } = setup;
  const result = await trainer.result(state.epoch - 1);
  const test = trainer.finalTest ?? (testLoader && (await trainer.evaluate(testLoader, result)));
  const onTraining = await trainer.evaluate(trainEvaluation.loader, result);
  await save(session, folder.path('model.onnx'), result, progress);
  const secondsPerStep = state.seconds / state.step;
  const summary: TrainSummary = {
    accuracy: test?.accuracy ?? null,
    trainLoss: onTraining.loss,
    trainAccuracy: onTraining.accuracy ?? null,
    testLoss: test?.loss ?? null,
    generalizationGap: test ? test.loss - onTraining.loss : null,
    secondsPerStep,
    imagesPerSecond: stepSamples(settings) / secondsPerStep,
    peakRssBytes: peakRssBytes(),
    steps: state.step,
    skippedSteps: state.skipped,
    epochs: state.epoch,
    batch: settings.batch,
    trainEvalSamples: trainEvaluation.samples,
    testSamples: dataset.test.size,
    model: settings.model,
    parameters: session.space.arena.count,
    data: settings.data,
    normalization: { scale: dataset.scale, ...trainLoader.normalization },
    optimizer: setup.optimizer.describe(),
    precision: settings.precision,
    device: session.device.name,
    loss: setup.loss.name,
    seed: settings.seed,
    out: folder.dir,
  };
  await writeFileAtomic(folder.path(SUMMARY), `${JSON.stringify(summary, null, 2)}\n`);
  return summary;
}

/** In float32 where a weight has grown beyond its type in the file: the run's result is not lost. */
async function save(
  session: TrainingSession,
  path: string,
  weights: WeightVectors,
  progress: Progress,
): Promise<void> {
  try {
    await session.save(path, weights);
  } catch (error) {
    if (!(error instanceof FlatminError && error.code === 'NOT_FINITE')) throw error;
    await session.save(path, { ...weights, type: 'float32' });
    progress.note(
      `${path} is saved in float32, not in the types of the model it came from. ${error.message}`,
    );
  }
}

function describeExecution({ device, runtime }: Setup): ExecutionRecord {
  return {
    device: device.name,
    threads: device.threads,
    runtime: runtime.version,
    build: runtime.kind,
    ...environment(),
  };
}

/** Sums are rounded in another order with other threads or another runtime. */
function announce(progress: Progress, setup: Setup, state: RunState, folder: RunFolder): void {
  const { savedConfig } = folder;
  const before = savedConfig && !isComparisonConfig(savedConfig) ? savedConfig[EXECUTION] : undefined;
  const now = describeExecution(setup);
  const describe = ({ device = 'cpu', threads, runtime, build = 'stock' }: ExecutionRecord) =>
    `on ${device} with ${threads} threads, ONNX Runtime ${runtime} (${build})`;
  if (before && describe(before) !== describe(now)) {
    progress.note(
      `The run began ${describe(before)}, and goes on ${describe(now)}: the last bits of its results may differ.`,
    );
  }
  for (const note of new Set([...setup.binding.notes, ...setup.session.notes])) progress.note(note);
  if (state.step > 0) progress.note(`Going on after step ${state.step}, epoch ${state.epoch + 1}.`);
  if (!setup.testLoader)
    progress.note(`${setup.dataset.name} has no test images: there is no accuracy and no test loss.`);
}

function checkCheckpointEvery(steps: number | undefined): void {
  if (steps !== undefined && !(Number.isSafeInteger(steps) && steps > 0))
    throw invalid('checkpointEvery', 'a positive integer', steps);
}
