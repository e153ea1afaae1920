import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type DataFiles, dataFiles, isSameData } from '../data/data-files.js';
import { sampleWord } from '../data/sample-word.js';
import { FlatminError, withPath } from '../errors.js';
import type { ExecutionRecord, RunConfigFile } from '../formats/run/config.js';
import { RUN_FILES } from '../formats/run/files.js';
import type { TrainSummary } from '../formats/run/summary.js';
import { tellOnStderr } from '../formats/tell.js';
import { fromFirst, fromRank } from '../group/tell.js';
import type { DownloadProgress } from '../hub/options.js';
import { type Followed, followable, followedOf } from '../metrics/followed.js';
import { checked, type Given } from '../options/option.js';
import { assertUsed, resolveSettings } from '../settings/resolve.js';
import type { TrainSettings } from '../settings/schema.js';
import { KeptCheckpoints } from './checkpoint/kept.js';
import { initialState, type RunState } from './checkpoint/state.js';
import { withSavedWeights } from './class-weights.js';
import { type Execution, executionRecord, resumedExecution } from './execution.js';
import { finalFigures, finish } from './finish.js';
import { assertSameConfig } from './folder/run-config.js';
import { RunFolder } from './folder/run-folder.js';
import { RunLog } from './folder/run-log.js';
import { savedSettings } from './folder/saved-settings.js';
import { Checkpoints, checkpointOptions } from './listeners/checkpoints.js';
import { Divergence } from './listeners/divergence.js';
import { EarlyStop } from './listeners/early-stop.js';
import type { RunListener } from './listeners/listener.js';
import { createProgress, type Progress } from './listeners/progress.js';
import { ShowProgress } from './listeners/show-progress.js';
import { Uninterrupted } from './listeners/uninterrupted.js';
import { pinNames } from './pinned-names.js';
import { assertShared, groupOf, overRanks, shareState, threadsOf } from './ranks.js';
import { Restoring } from './restore.js';
import { type Setup, setUp } from './setup.js';
import { readSummary } from './summary.js';
import { checkResults } from './trained-model.js';
import { Trainer } from './trainer.js';

/** Where a run is kept, and how it is executed. */
export interface TrainOptions extends Execution, Given<typeof checkpointOptions> {
  /** The run's folder. */
  out: string;
  /** Go on with the run in the folder; its settings are those it began with, and so is what is not given here. */
  resume?: boolean | undefined;
  /** With `resume`: begin the run in the folder again, from its settings alone. Its checkpoints and results are removed. */
  restart?: boolean | undefined;
  /** Ends the run after the step that is under way, with a checkpoint. */
  signal?: AbortSignal | undefined;
  /** What the progress on stderr begins with; absent: no progress. */
  label?: string | undefined;
  /**
   * Told how many seconds `signal` could not stop the run, for each such stretch: a step, with a checkpoint where one was due. With it, a
   * checkpoint is written before the first step, and its time told.
   */
  onUninterrupted?: ((seconds: number) => void) | undefined;
  /** Told what must not go unnoticed: damage, and what makes the results other ones. Default: a line on stderr. */
  warn?: ((text: string) => void) | undefined;
  /** Told how far a download from the Hugging Face Hub is. */
  onDownload?: ((progress: DownloadProgress) => void) | undefined;
}

/**
 * Trains a model and writes the run's folder: config.json, metrics.jsonl, tensorboard/, checkpoint.safetensors, and at the end
 * model.onnx, labels.json where the data have classes, and summary.json.
 * On several ranks, rank 0 alone writes, and `accumulate` is of each.
 * @param asked settings other than the defaults: `model` and `data` at least, unless the run is resumed
 * @throws FlatminError INVALID_ARGUMENT, INVALID_DATA, INVALID_MODEL, NOT_FOUND, RUNTIME before anything is written; IN_USE;
 * INVALID_DATA where all checkpoints are damaged or missing, or a result of a finished run is damaged; NOT_FINITE for a diverging loss, INTERRUPTED on `signal` and what a sample
 * that cannot be read throws, all with a checkpoint to go on from
 */
export async function train(asked: Partial<TrainSettings>, asGiven: TrainOptions): Promise<TrainSummary> {
  const options = onRank(asGiven);
  const { out, resume = false, restart = false } = options;
  const given = overRanks(asked, groupOf(options), resume);
  checked(checkpointOptions, options);
  if (restart && !resume)
    throw new FlatminError('INVALID_ARGUMENT', 'restart begins a run again that is there: give resume too.');
  const group = groupOf(options);
  const config = await fromFirst(group, () => RunFolder.check(out, { resume }));
  const saved = config && savedSettings(out, config);
  const unpinned = resolveSettings(given, saved);
  if (!saved) assertUsed(given, [unpinned.optimizer]);
  const { execution: before, asked: askedBefore, dataFiles: filesBefore } = (config ?? {}) as RunConfigFile;
  const pinnedBefore = saved && { model: saved.model, data: saved.data, asked: askedBefore };
  const pinned = await pinNames(unpinned, pinnedBefore, options);
  const settings = withSavedWeights(pinned.settings, saved && { settings: saved, asked: askedBefore });
  if (saved) assertSameConfig(saved, settings);
  assertShared(settings, group);
  const finished =
    saved && !restart && (await fromFirst(group, () => readSummary(join(out, RUN_FILES.summary))));
  if (finished) {
    await checkResults(out, finished);
    tellUnused(options, before);
    return finished;
  }

  const files = options.dataset ? undefined : await dataFiles(settings.data, filesBefore);
  if (!restart) assertSameFiles(settings.data, filesBefore, files);
  const resumed = before ? resumedOptions(options, before) : options;
  const chosen = { ...resumed, threads: await threadsOf(group, resumed.threads) };
  const setup = await setUp(settings, chosen);
  try {
    const followed = chooseFollowed(setup);
    const { checkpointEvery, keepBest, keepCheckpoints, cudaGraphs } = chosen;
    if (group.rank > 0) return await trainAlong(setup, chosen);
    const now = { ...executionRecord(setup), cudaGraphs, checkpointEvery, keepBest, keepCheckpoints };
    const folder = await RunFolder.create(
      out,
      {
        ...setup.settings,
        ...askedOf(pinned, setup.settings, askedBefore),
        ...(files && { dataFiles: files }),
        execution: now,
      },
      { resume, restart },
    );
    try {
      return await trainIn(folder, setup, followed, chosen, before);
    } catch (error) {
      throw withPath(error, folder.dir);
    } finally {
      folder.close();
    }
  } finally {
    await setup.close();
  }
}

/** What the user named, where the settings have what it came to. */
function askedOf(
  { settings, asked }: { settings: TrainSettings; asked: RunConfigFile['asked'] },
  { classWeights: resolved }: TrainSettings,
  before: RunConfigFile['asked'],
): Pick<RunConfigFile, 'asked'> {
  const { classWeights } = settings;
  const named = Array.isArray(classWeights) ? before?.classWeights : resolved && classWeights;
  const all = { ...asked, ...(named !== undefined && { classWeights: named }) };
  return Object.keys(all).length > 0 ? { asked: all } : {};
}

/** @throws FlatminError INVALID_DATA where the files of the data have changed since the run began */
function assertSameFiles(data: string, before: DataFiles | undefined, now: DataFiles | undefined): void {
  if (!before || !now || isSameData(before, now)) return;
  const count = before.files === now.files ? '' : ` (${before.files} files then, ${now.files} now)`;
  throw new FlatminError(
    'INVALID_DATA',
    `Cannot resume: ${data} is not what it was when the run began${count}. Put the files back as they were, begin again with --restart, or use another --out.`,
  );
}

/** @throws FlatminError INVALID_ARGUMENT for a metric that the run's loss and targets have not */
function chooseFollowed({ settings: { metric }, session: { task }, loss }: Setup): Followed {
  const followed = followedOf(task, metric);
  if (followed) return followed;
  throw new FlatminError(
    'INVALID_ARGUMENT',
    `There is no metric "${metric}" of ${loss.name}: choose one of ${followable(task).join(', ')}.`,
  );
}

/** Of the execution: what config.json records, since it may change the last bits of a result. */
const RECORDED = [
  'device',
  'threads',
  'runtime',
  'cudaGraphs',
] as const satisfies readonly (keyof Execution)[];

/** What says how a run is made does nothing for one that is: told, but where it says what was. */
function tellUnused(options: TrainOptions, before: Partial<ExecutionRecord> = {}): void {
  const { out, warn = tellOnStderr, runtime, ...others } = options;
  const given: Readonly<Record<string, unknown>> = { ...others, runtime: runtime?.version };
  const made: Readonly<Record<string, unknown>> = { device: 'cpu', ...before };
  const unused = [...RECORDED, ...Object.keys(checkpointOptions)].filter(
    (name) => given[name] !== undefined && given[name] !== made[name],
  );
  if (unused.length > 0)
    warn(
      `The run in ${out} is finished: ${unused.join(', ')} changed nothing of it. restart begins it again.`,
    );
}

function resumedOptions(given: TrainOptions, before: ExecutionRecord): TrainOptions {
  const { checkpointEvery, keepBest, keepCheckpoints } = before;
  const own = Object.entries(given).filter(([, value]) => value !== undefined);
  return {
    ...{ checkpointEvery, keepBest, keepCheckpoints },
    ...resumedExecution(Object.fromEntries(own) as unknown as TrainOptions, before),
  };
}

async function trainIn(
  folder: RunFolder,
  setup: Setup,
  followed: Followed,
  options: TrainOptions,
  before: ExecutionRecord | undefined,
): Promise<TrainSummary> {
  const { settings, session, stepsPerEpoch, optimizer } = setup;
  const { label, warn = tellOnStderr } = options;
  const kept = new KeptCheckpoints(folder, session, optimizer, settings.seed, options.keepCheckpoints);
  if (options.restart) await removeResults(folder, kept);
  const found = await kept.restore(warn);
  const state = await shareState(setup.group, found?.state ?? initialState(), setup);
  setup.rateFactor.value = state.rateFactor;
  const { accumulate = 1, logEvery } = settings;
  const log = await RunLog.open(
    folder,
    { state, mark: found?.mark },
    { batchesPerEpoch: stepsPerEpoch * accumulate, every: logEvery },
    warn,
  );
  const progress = createProgress({
    label: label ?? '',
    total: settings.epochs * stepsPerEpoch,
    start: state.step,
    samples: sampleWord(setup.source),
    enabled: label !== undefined,
  });
  try {
    tellChange(before, setup, warn);
    announce(progress, setup, state);
    const divergence = new Divergence(state);
    const restoring = settings.onNan === 'restore' ? new Restoring(setup, state, log, kept, warn) : undefined;
    const checkpoints = new Checkpoints(setup, state, log, kept, options);
    const { onUninterrupted } = options;
    const uninterrupted = onUninterrupted && new Uninterrupted(onUninterrupted);
    await uninterrupted?.time(() => checkpoints.onPause());
    // A checkpoint counts on the records, and holds the count of evaluations since the best.
    const listeners: RunListener[] = [
      divergence,
      log,
      new ShowProgress(progress, settings.epochs, followed, state),
      new EarlyStop(settings.earlyStop, followed, state, progress),
      ...(restoring ? [restoring] : []),
      ...(uninterrupted ? [uninterrupted] : []),
      checkpoints,
    ];
    const trainer = new Trainer(setup, state, listeners, options.signal);
    await (restoring?.run(trainer) ?? trainer.run());
    divergence.checkEnd();
    progress.stop();
    const summary = await finish(trainer, folder, { setup, followed, state, log, warn });
    // As others will read it.
    await fromFirst(setup.group, () => JSON.stringify(summary));
    return summary;
  } finally {
    progress.stop();
    await log.close();
  }
}

/** A rank other than the first: it takes part in the run, and writes and tells nothing. */
async function trainAlong(setup: Setup, { signal }: TrainOptions): Promise<TrainSummary> {
  const { group } = setup;
  const state = await shareState(group, initialState(), setup);
  setup.rateFactor.value = state.rateFactor;
  const followed = chooseFollowed(setup);
  const silent = createProgress({ label: '', total: 0, start: 0, samples: '', enabled: false });
  const earlyStop = new EarlyStop(setup.settings.earlyStop, followed, state, silent);
  const divergence = new Divergence(state);
  const trainer = new Trainer(setup, state, [divergence, earlyStop], signal);
  await trainer.run();
  divergence.checkEnd();
  await finalFigures(trainer, setup, state);
  return JSON.parse(await fromRank<string>(group, 0, undefined));
}

/** Rank 0 alone tells what goes on, and writes. */
function onRank(options: TrainOptions): TrainOptions {
  if (groupOf(options).rank === 0) return options;
  return { ...options, label: undefined, warn: () => {}, onUninterrupted: undefined, onDownload: undefined };
}

/** What an earlier beginning of the run came to. */
async function removeResults(folder: RunFolder, kept: KeptCheckpoints): Promise<void> {
  for (const name of [RUN_FILES.summary, RUN_FILES.model, RUN_FILES.labels, RUN_FILES.evaluation])
    await rm(folder.path(name), { force: true });
  await kept.removeAll();
}

/** Sums are rounded in another order with other threads or another runtime. */
function tellChange(before: ExecutionRecord | undefined, setup: Setup, warn: (text: string) => void): void {
  const describe = ({ device = 'cpu', threads, ranks = 1, runtime, build = 'stock' }: ExecutionRecord) =>
    `on ${device} with ${ranks === 1 ? '' : `${ranks} ranks of `}${threads} threads, ONNX Runtime ${runtime} (${build})`;
  const now = describe(executionRecord(setup));
  if (before && describe(before) !== now)
    warn(`The run began ${describe(before)}, and goes on ${now}: the last bits of its results may differ.`);
}

function announce(progress: Progress, setup: Setup, state: RunState): void {
  for (const note of new Set([
    ...setup.source.notes,
    ...setup.notes,
    ...setup.binding.notes,
    ...setup.session.notes,
  ]))
    progress.note(note);
  if (state.step > 0) progress.note(`Going on after step ${state.step}, epoch ${state.epoch + 1}.`);
  if (!setup.testLoader)
    progress.note(`${setup.source.name} has no test samples: there is no accuracy and no test loss.`);
}
