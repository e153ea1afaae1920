import type { Source } from '../data/index.js';
import { sampleWord } from '../data/sample-word.js';
import { FlatminError } from '../errors.js';
import { writeFileAtomic } from '../formats/atomic.js';
import { fileDigest, sealedJson } from '../formats/digest.js';
import { evaluationText } from '../formats/run/evaluation.js';
import { RUN_FILES } from '../formats/run/files.js';
import type { TrainSummary } from '../formats/run/summary.js';
import type { Followed } from '../metrics/followed.js';
import type { Evaluation } from '../session/evaluator.js';
import type { WeightVectors } from '../session/model-weights.js';
import type { TrainingSession } from '../session/session.js';
import { stepSamples } from '../settings/schema.js';
import type { RunState } from './checkpoint/state.js';
import type { RunFolder } from './folder/run-folder.js';
import type { RunLog } from './folder/run-log.js';
import { checkEvaluation } from './listeners/divergence.js';
import type { Setup } from './setup.js';
import { peakRssBytes } from './summary.js';
import type { Trainer } from './trainer.js';

/** What the end of a run works with. */
export interface Finishing {
  readonly setup: Setup;
  readonly followed: Followed;
  readonly state: RunState;
  readonly log: RunLog;
  readonly warn: (text: string) => void;
}

/** Final losses, evaluation.json, model.onnx, labels.json, and last of all summary.json, which marks the run as finished. */
export async function finish(
  trainer: Trainer,
  folder: RunFolder,
  { setup, followed, state, log, warn }: Finishing,
): Promise<TrainSummary> {
  const { settings, session, source, trainEvaluation } = setup;
  const { result, test, onTraining } = await finalFigures(trainer, setup, state);
  await save(session, folder.path(RUN_FILES.model), result, warn);
  if (test) await writeEvaluation(folder, setup, test);
  const written = [
    RUN_FILES.model,
    ...(await writeLabels(folder, source)),
    ...(test ? [RUN_FILES.evaluation] : []),
  ];
  const digests = written.map(async (name) => [name, await fileDigest(folder.path(name))]);
  const secondsPerStep = state.seconds / state.step;
  const summary: TrainSummary = {
    accuracy: test?.accuracy ?? null,
    metrics: { ...test?.metrics },
    metric: followed.name,
    trainLoss: onTraining.loss,
    trainAccuracy: onTraining.accuracy ?? null,
    trainMetrics: { ...onTraining.metrics },
    testLoss: test?.loss ?? null,
    generalizationGap: test ? test.loss - onTraining.loss : null,
    secondsPerStep,
    imagesPerSecond: stepSamples(settings) / secondsPerStep,
    samples: sampleWord(source),
    peakRssBytes: peakRssBytes(),
    steps: state.step,
    skippedSteps: state.skipped,
    epochs: state.epoch,
    batch: settings.batch,
    trainEvalSamples: trainEvaluation.samples,
    testSamples: source.test.size,
    model: settings.model,
    parameters: session.space.arena.count,
    data: settings.data,
    ...(source.normalization && { normalization: source.normalization }),
    optimizer: setup.optimizer.describe(),
    precision: settings.precision,
    device: session.device.name,
    loss: setup.loss.name,
    seed: settings.seed,
    out: folder.dir,
    files: {
      [RUN_FILES.metrics]: await log.flush(),
      ...Object.fromEntries(await Promise.all(digests)),
    },
  };
  await writeFileAtomic(folder.path(RUN_FILES.summary), sealedJson(summary));
  return summary;
}

/** What every rank takes part in. */
export async function finalFigures(
  trainer: Trainer,
  { testLoader, trainEvaluation }: Setup,
  state: RunState,
): Promise<{ result: WeightVectors; test: Evaluation | undefined; onTraining: Evaluation }> {
  const result = await trainer.result();
  const test =
    trainer.finalTest ?? (testLoader && (await trainer.evaluate(testLoader, result, { details: true })));
  const onTraining = await trainer.evaluate(trainEvaluation.loader, result);
  checkEvaluation(onTraining, 'training', state.step);
  return { result, test, onTraining };
}

/** A list of the classes' names, as labels count them. @returns the file, where there are such */
async function writeLabels(folder: RunFolder, { targets }: Source): Promise<string[]> {
  const { names = [] } = targets[0]?.classes ?? {};
  if (names.length === 0) return [];
  await writeFileAtomic(folder.path(RUN_FILES.labels), `${JSON.stringify(names, null, 2)}\n`);
  return [RUN_FILES.labels];
}

/** More classes have no confusion matrix in evaluation.json: `flatmin evaluate --details` has it. */
const MOST_WRITTEN_CLASSES = 100;

/** The last evaluation on the test set, with figures of each class. */
async function writeEvaluation(folder: RunFolder, setup: Setup, test: Evaluation): Promise<void> {
  const { settings, source, loss } = setup;
  const { perClass, confusion } = test.details ?? {};
  const classNames = source.targets[0]?.classes?.names;
  const details = perClass && {
    perClass,
    ...(perClass.length <= MOST_WRITTEN_CLASSES && { confusion }),
  };
  const text = evaluationText({
    model: RUN_FILES.model,
    data: settings.data,
    part: 'test',
    samples: test.samples,
    lossName: loss.name,
    loss: test.loss,
    metrics: test.metrics,
    ...(details && classNames && perClass.length === classNames.length && { classNames }),
    ...(details && { details }),
  });
  await writeFileAtomic(folder.path(RUN_FILES.evaluation), text);
}

/** In float32 where a weight has grown beyond its type in the file: the run's result is not lost. */
async function save(
  session: TrainingSession,
  path: string,
  weights: WeightVectors,
  warn: (text: string) => void,
): Promise<void> {
  try {
    await session.save(path, weights);
  } catch (error) {
    if (!(error instanceof FlatminError && error.code === 'NOT_FINITE')) throw error;
    await session.save(path, { ...weights, type: 'float32' });
    warn(`${path} is saved in float32, not in the types of the model it came from. ${error.message}`);
  }
}
