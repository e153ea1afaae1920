import { join } from 'node:path';
import type { ModelView } from '../autodiff/prepare/session-model.js';
import type { Layout } from '../compile/image-layout.js';
import type { LossChoice } from '../compile/loss-model.js';
import { DATA_HINT, dataOptions, type Source } from '../data/index.js';
import { FlatminError } from '../errors.js';
import { isComparisonConfig } from '../formats/run/config.js';
import { RUN_FILES } from '../formats/run/files.js';
import type { Loss } from '../losses/loss.js';
import { modelPath } from '../models/hub-model.js';
import { readModel } from '../onnx/model.js';
import type { ModelProto } from '../onnx/proto.js';
import { type Given, option } from '../options/option.js';
import { belowOne, text } from '../options/values.js';
import { chooseLoss } from '../run/choose-loss.js';
import { chooseSource } from '../run/choose-source.js';
import type { Execution } from '../run/execution.js';
import { runView } from '../run/fine-tuning.js';
import { readRunConfig } from '../run/folder/run-folder.js';
import { savedSettings } from '../run/folder/saved-settings.js';
import { readTrainedModel } from '../run/trained-model.js';
import { parameterGroups } from '../settings/group-spec.js';
import { modelSettings, type TrainSettings, type ViewSettings, viewOf } from '../settings/schema.js';
import type { ParameterGroup } from '../vectors/parameter-space.js';

const { augment, ...others } = dataOptions;
/** How the data of a model are read; those of a run are read as they were. */
export const readingOptions = others;
/** No part of the data is left out. */
const WHOLE = { trainSamples: undefined, testSamples: undefined, seed: 0 };

export const subjectOptions = {
  /** What openDataset takes, where no `dataset` is given; of a run, default its own. */
  data: option(text.optional(), { symbol: 'set', help: `${DATA_HINT}; of a run default its own` }),
  /** Of the cross-entropy; of a run, default its own, else 0. */
  labelSmoothing: option(belowOne.optional(), {
    symbol: 's',
    help: 'of the loss, in [0, 1)',
    byDefault: "the run's, else 0",
  }),
  /** Of a model; a run has its own. */
  loss: modelSettings.loss,
  /** Of a model; a run has its own. */
  ignoreIndex: modelSettings.ignoreIndex,
  ...readingOptions,
};

/** What is measured, and how it is taken. */
export interface SubjectOptions
  extends Pick<Execution, 'dataset'>,
    Given<typeof subjectOptions>,
    Partial<ViewSettings>,
    Pick<Partial<TrainSettings>, 'layout'> {
  /** The folder of a finished run: its model, data, loss and frozen parameters. Either this or `model`. */
  run?: string | undefined;
  /** A forward model with its weights, or the path or name ('hf:OWNER/NAME') of one. */
  model?: ModelProto | string | undefined;
}

/** What is measured. */
export interface Subject {
  name: string;
  model: ModelProto;
  data: string;
  source: Source;
  loss: Loss;
  /** How the model is taken. */
  view: ModelView & LossChoice;
  layout: Layout | undefined;
  /** Of the run. */
  batch?: number;
  groups(parameters: readonly string[]): ParameterGroup[];
}

/** The subject of the options. @throws FlatminError INVALID_ARGUMENT, NOT_FOUND, INVALID_DATA */
export async function chooseSubject(options: SubjectOptions): Promise<Subject> {
  const { run, model, data, dataset, labelSmoothing } = options;
  if ((run === undefined) === (model === undefined))
    throw new FlatminError('INVALID_ARGUMENT', 'Give either the folder of a run or a model.');
  if (run !== undefined) {
    refuseReading(options);
    return subjectOfRun(run, options);
  }
  if (!dataset && !data) throw new FlatminError('INVALID_ARGUMENT', `A model needs data: ${DATA_HINT}.`);
  const opened = typeof model === 'string' ? await readModel(await modelPath(model)) : model!;
  const source = await chooseSource(
    { ...options, data: data ?? '', augment: 'none', ...WHOLE },
    { dataset, isMeasured: true },
    opened,
  );
  return {
    name: typeof model === 'string' ? model : opened.graph.name || 'model',
    model: opened,
    data: data ?? source.name,
    source,
    loss: chooseLoss({ ...options, labelSmoothing: labelSmoothing ?? 0 }, source),
    view: viewOf(options),
    layout: options.layout,
    groups: () => [],
  };
}

/** @throws FlatminError INVALID_ARGUMENT for how data are read */
function refuseReading(options: SubjectOptions): void {
  const names = [
    'loss',
    'ignoreIndex',
    ...(Object.keys(readingOptions) as (keyof typeof readingOptions)[]),
  ] as const;
  for (const name of names)
    if (options[name] !== undefined)
      throw new FlatminError(
        'INVALID_ARGUMENT',
        `"${name}" is for the data of a model: those of a run are read as they were. Leave it out.`,
      );
}

/** The model, data and loss of a finished run. @throws FlatminError NOT_FOUND, INVALID_ARGUMENT, INVALID_DATA */
export async function subjectOfRun(
  dir: string,
  options: Omit<SubjectOptions, 'run' | 'model'>,
): Promise<Subject> {
  const { data, dataset } = options;
  const settings = await readSettings(dir);
  const model = await readTrainedModel(dir);
  const chosen = {
    ...settings,
    ...(data !== undefined && { data }),
    // Nothing is changed at random here, and nothing told of it; what was asked for may say what targets are (mixup).
    ...(settings.augment === 'auto' && { augment: 'none' }),
  };
  const { labelSmoothing = settings.labelSmoothing, train, alsoTrain, freeze } = options;
  const given = { ...settings, ...defined(options) };
  const chooses = train !== undefined || alsoTrain !== undefined || freeze !== undefined;
  const source = await chooseSource(chosen, { dataset, isMeasured: true }, model);
  return {
    name: join(dir, RUN_FILES.model),
    model,
    data: chosen.data,
    source,
    loss: chooseLoss({ ...settings, labelSmoothing }, source),
    view: chooses ? viewOf(given) : runView(given, { source: model }),
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
