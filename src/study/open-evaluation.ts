import { prepareSessionModel } from '../autodiff/prepare/session-model.js';
import { labelField } from '../data/balance/class-counts.js';
import { type Batch, DataLoader, type FieldArray } from '../data/index.js';
import { loaderOptions } from '../data/loading/loader.js';
import { checked, type Given, option } from '../options/option.js';
import { choice, count } from '../options/values.js';
import { bindData, boundSource } from '../run/data-binding.js';
import type { Execution } from '../run/execution.js';
import { groupOf, openShared } from '../run/ranks.js';
import type { Feeds } from '../session/feed/feeds.js';
import { ModelEvaluator } from '../session/model-evaluator.js';
import { modelClassNames } from './class-names.js';
import { passBatch } from './pass-batch.js';
import { chooseSubject, type SubjectOptions } from './subject.js';

export const partOptions = {
  /** Part of the data. Default 'test'. */
  part: option(choice(['train', 'test']), { symbol: 'part', help: 'of the data', default: 'test' }),
  /** Samples in one pass; the figures are the same for all, to rounding. Default: as in training, else 32 on a CPU and 256 on a GPU. */
  batch: option(count.optional(), {
    symbol: 'n',
    help: 'samples in one pass through the model',
    byDefault: 'as in training, else 32 on a CPU and 256 on a GPU',
  }),
  /** Threads that prepare batches, at most 64; default 1. */
  workers: loaderOptions.workers,
};

/** Which model is evaluated on what, and where. */
export interface PartOptions
  extends SubjectOptions,
    Given<typeof partOptions>,
    Pick<Execution, 'device' | 'threads' | 'memory' | 'runtime' | 'group'> {
  /** Values of the model, by name, that each batch's result has too. */
  values?: readonly string[] | undefined;
  /** Takes what is decided about the model that the user should know. */
  onNote?: ((note: string) => void) | undefined;
}

/** Batches that a model is evaluated on, whatever they are made of. */
export interface EvaluationSource {
  /** What it was asked for as. */
  readonly data: string;
  readonly part: 'train' | 'test';
  readonly samples: number;
  /** By label; undefined where labels have no names. */
  readonly classNames: readonly string[] | undefined;
  /** The file of a sample, where each has one. */
  readonly fileOf: ((index: number) => string) | undefined;
  /** On several ranks every n-th, beginning with the one of the rank's number. */
  batches(): AsyncIterable<Feeds>;
  /** As `batches`, with the targets that the loss does not compare with. */
  targeted(): AsyncIterable<{ readonly feeds: Feeds; readonly others: Readonly<Record<string, FieldArray>> }>;
  close(): Promise<void>;
}

/** A model and what it is evaluated on. */
export interface OpenedEvaluation {
  /** Path of the model, or the name of its graph. */
  readonly model: string;
  readonly lossName: string;
  readonly evaluator: ModelEvaluator;
  readonly source: EvaluationSource;
  close(): Promise<void>;
}

/**
 * The model of a run or a file, ready to be evaluated on a part of the data, without augmentation.
 * @throws FlatminError INVALID_ARGUMENT, NOT_FOUND, INVALID_DATA, INVALID_MODEL
 */
export async function openEvaluation(options: PartOptions): Promise<OpenedEvaluation> {
  const { part, batch: asked, workers } = checked(partOptions, options);
  const {
    name,
    model,
    data,
    source: samples,
    loss,
    view,
    layout,
    batch: trained,
  } = await chooseSubject(options);
  const prepared = prepareSessionModel(model, view);
  const { device, runtime } = await openShared(options);
  const most = asked ?? trained ?? passBatch({ asked, batchNorm: 'running', trained, device });
  const batch = Math.min(most, Math.max(1, samples[part].size));
  const binding = await bindData(runtime, prepared, loss, samples, { ...view, batch, layout });
  const loader = new DataLoader<Batch>(
    { source: boundSource(samples, binding), split: part },
    { batch, workers, shuffle: false, dropLast: false, augment: false },
  );
  const { names, note: naming } = await modelClassNames(name, labelField(samples)?.classes?.names);
  for (const note of [...samples.notes, ...binding.notes, ...(naming ? [naming] : [])])
    options.onNote?.(note);
  const { dims } = binding;
  const evaluator = await ModelEvaluator.create(prepared, {
    ...{ ...view, loss, batch, dims, device, runtime },
    values: options.values,
    group: options.group,
  });
  const { rank, size } = groupOf(options);
  const share = { index: rank, count: size };
  const source: EvaluationSource = {
    data,
    part,
    samples: samples[part].size,
    classNames: names,
    fileOf: samples[part].fileOf,
    async *batches() {
      for await (const each of loader.epoch(0, { share })) yield binding.feeds(each);
    },
    async *targeted() {
      for await (const each of loader.epoch(0)) {
        const others = binding.otherTargets.map(({ name: field }) => [field, each[field]!] as const);
        yield { feeds: binding.feeds(each), others: Object.fromEntries(others) };
      }
    },
    close: () => loader.close(),
  };
  return {
    model: name,
    lossName: loss.name,
    evaluator,
    source,
    async close() {
      evaluator.dispose();
      await source.close();
    },
  };
}
