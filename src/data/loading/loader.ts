import { FlatminError, invalid } from '../../errors.js';
import { checked, checkedValue, type Given, option } from '../../options/option.js';
import { choice, count, countOrZero, flag, integerWithin } from '../../options/values.js';
import { mixes } from '../augment/augmentation.js';
import type { ImageBatch } from '../images/batch.js';
import type { Dataset } from '../images/dataset.js';
import { type ImageUse, imageSource } from '../images/image-source.js';
import type { Normalization } from '../images/normalization.js';
import { makerOf } from '../makers.js';
import { Purpose, randomStream, shuffledIndices } from '../random.js';
import type { Batch, BatchRecipe, Source, SourcePart } from '../source.js';
import { balancedWeights, keysOf, WeightedSampler } from './sampling.js';
import { WorkerPool } from './worker-pool.js';

/** More help nobody: a batch is prepared in milliseconds. */
const MOST_WORKERS = 64;

/** How the samples of an epoch are chosen. */
export const SAMPLERS = ['shuffle', 'balanced'] as const;

/** Options of `DataLoader`, but for the batch. */
export const loaderOptions = {
  /** Of the order and the augmentation; default 0. */
  seed: option(countOrZero, { symbol: 'n', help: 'of the order and the augmentation', default: 0 }),
  /** Threads that prepare batches, at most 64; 0 prepares each in the calling thread when it is asked for. Default 1. */
  workers: option(integerWithin(0, MOST_WORKERS), {
    symbol: 'n',
    help: 'threads that prepare batches; 0 for none',
    default: 1,
  }),
  /** Batches prepared ahead of the one in use. Default 4. */
  prefetch: option(countOrZero, {
    symbol: 'n',
    help: 'batches prepared ahead of the one in use',
    default: 4,
  }),
  /** A new order each epoch, from (seed, epoch) alone. Default: true for the training split. */
  shuffle: option(flag.optional(), { help: 'a new order each epoch', byDefault: 'of the training split' }),
  /** Leave out a last batch that is not full. Default: true for the training split. */
  dropLast: option(flag.optional(), {
    help: 'leave out a last batch that is not full',
    byDefault: 'of the training split',
  }),
  /**
   * 'balanced': as many draws with replacement as there are training samples, so that all classes come as often; each draw of a sample is
   * augmented anew. From (seed, epoch) alone. Default: each sample once.
   */
  sampler: option(choice(SAMPLERS), {
    symbol: 'name',
    help: 'of an epoch: each sample once, or draws with replacement by which all classes come as often',
    default: 'shuffle',
  }),
};

/** How a `DataLoader` makes batches. */
export interface DataLoaderOptions extends Readonly<Given<typeof loaderOptions>>, ImageUse {
  /** Samples a batch. */
  readonly batch: number;
  /** Weights ≥ 0 of the samples: an epoch is as many draws with replacement, each sample in proportion to its weight. */
  readonly sampleWeights?: ArrayLike<number> | undefined;
}

/** How a loader of a source makes batches: the source says how samples are made ready. */
export interface SourceLoaderOptions extends Readonly<Given<typeof loaderOptions>> {
  /** Samples a batch. */
  readonly batch: number;
  /** Weights ≥ 0 of the samples: an epoch is as many draws with replacement, each sample in proportion to its weight. */
  readonly sampleWeights?: ArrayLike<number> | undefined;
  /** Whether samples are changed at random as the source has it. Default: those of the training part. */
  readonly augment?: boolean;
}

/** Which batches of an epoch. */
export interface EpochOptions {
  /** The first, from 0; default 0. */
  readonly firstBatch?: number;
  /** The one behind the last; default the end of the epoch. */
  readonly endBatch?: number;
  /** Every `count`-th of them, beginning with number `index`; default all. */
  readonly share?: { readonly index: number; readonly count: number };
}

const splitName = choice(['train', 'test']);

/**
 * Batches of one part of a data set, prepared in worker threads ahead of need. A batch depends on (options, epoch, its position)
 * alone: neither the number of workers nor where an epoch was resumed changes it. Every batch has buffers of its own, valid for as
 * long as the caller keeps them. The threads start with the first batch and do not keep the process alive; `close` ends them.
 */
export class DataLoader<B extends Batch = ImageBatch> implements AsyncIterable<B> {
  /** A last one that is not full counts unless `dropLast`. */
  readonly batchesPerEpoch: number;
  private readonly source: Source;
  private readonly recipe: BatchRecipe;
  private readonly seed: number;
  private readonly size: number;
  private readonly shuffled: SourcePart['order'];
  private readonly batch: number;
  private readonly shuffle: boolean;
  private readonly workers: number;
  private readonly prefetch: number;
  private readonly sampler: () => Promise<WeightedSampler | undefined>;
  private prepare: Prepare | undefined;
  private pool: WorkerPool | undefined;
  private nextEpoch = 0;
  private closed = false;

  /** Throws INVALID_ARGUMENT for an impossible option, such as a batch that the split cannot fill even once. */
  constructor(data: { dataset: Dataset; split: 'train' | 'test' }, options: DataLoaderOptions);
  constructor(data: { source: Source; split: 'train' | 'test' }, options: SourceLoaderOptions);
  constructor(
    data: { dataset?: Dataset; source?: Source; split: 'train' | 'test' },
    options: DataLoaderOptions & SourceLoaderOptions,
  ) {
    const split = checkedValue('split', splitName, data.split);
    const { seed, workers, prefetch, sampler, ...others } = checked(loaderOptions, options);
    const isTraining = split === 'train';
    const { shuffle = isTraining, dropLast = isTraining } = others;
    const batch = checkedValue('batch', count, options.batch);
    const { augmentation, normalization, augment = data.dataset !== undefined || isTraining } = options;
    if (mixes(augmentation))
      throw invalid(
        'augmentation',
        'without mixup and cutmix for batches with labels: load a source',
        augmentation,
      );
    this.source = data.source ?? imageSource(data.dataset!, { augmentation, normalization });
    const { name } = this.source;
    const { size } = this.source[split];
    if (size === 0) {
      throw new FlatminError('INVALID_ARGUMENT', `The data set ${name} has no ${split} samples.`);
    }
    if (dropLast && batch > size) {
      throw new FlatminError(
        'INVALID_ARGUMENT',
        `A batch of ${batch} is larger than the ${size} ${split} samples of ${name}: choose a batch of at most ${size}.`,
      );
    }
    const { sampleWeights } = options;
    this.sampler = samplerOf(this.source, split, { sampler, shuffle, sampleWeights });
    this.recipe = this.source[split].recipe({ seed, augment });
    this.shuffled = this.source[split].order;
    this.seed = seed;
    this.size = size;
    this.batch = batch;
    this.shuffle = shuffle;
    this.workers = workers;
    this.prefetch = workers > 0 ? prefetch : 0;
    this.batchesPerEpoch = dropLast ? Math.floor(size / batch) : Math.ceil(size / batch);
  }

  /** What images are normalised by; undefined for data that are no images. */
  get normalization(): Normalization | undefined {
    return this.source.normalization;
  }

  /**
   * The batches of epoch `index` from `firstBatch` (default 0) up to `endBatch` (default all); with `share`, of these the one numbered
   * `share.index` and each `share.count`-th after it. To stop early is safe. The iterator rejects with RUNTIME when
   * a worker fails and with INTERRUPTED when the loader is closed meanwhile.
   */
  epoch(index: number, { firstBatch = 0, endBatch, share }: EpochOptions = {}): AsyncIterableIterator<B> {
    checkedValue('epoch', countOrZero, index);
    checkedValue('firstBatch', countOrZero, firstBatch);
    if (firstBatch > this.batchesPerEpoch) {
      throw invalid('firstBatch', `at most ${this.batchesPerEpoch}, the batches of an epoch`, firstBatch);
    }
    const end = Math.min(endBatch ?? Infinity, this.batchesPerEpoch);
    return this.batches(index, firstBatch + (share?.index ?? 0), end, share?.count ?? 1);
  }

  /** One epoch; each iteration of the loader is the next one, beginning with epoch 0. */
  [Symbol.asyncIterator](): AsyncIterableIterator<B> {
    return this.epoch(this.nextEpoch++);
  }

  /** Ends the worker threads. May be called twice. A closed loader gives no more batches. */
  async close(): Promise<void> {
    this.closed = true;
    await this.pool?.close();
  }

  private async *batches(
    epoch: number,
    firstBatch: number,
    end: number,
    stride: number,
  ): AsyncGenerator<B, void, undefined> {
    if (this.closed) throw closedError();
    const prepare = this.start();
    const { order, keys } = await this.order(epoch);
    const ahead: Promise<Batch>[] = [];
    for (let next = firstBatch; next < end || ahead.length > 0; ) {
      if (this.closed) throw closedError();
      while (next < end && ahead.length <= this.prefetch) {
        const place = [next * this.batch, (next + 1) * this.batch] as const;
        const batch = prepare(epoch, order.slice(...place), keys?.slice(...place));
        // One that is never asked for must not count as unhandled.
        batch.catch(() => {});
        ahead.push(batch);
        next += stride;
      }
      yield (await ahead.shift()!) as B;
    }
  }

  private start(): Prepare {
    if (this.prepare) return this.prepare;
    if (this.workers === 0) {
      const maker = makerOf(this.recipe);
      maker.catch(() => {});
      this.prepare = async (epoch, indices, keys) => (await maker).make(epoch, indices, keys);
    } else {
      const pool = new WorkerPool(this.recipe, this.workers);
      this.pool = pool;
      this.prepare = (epoch, indices, keys) => pool.prepare(epoch, indices, keys);
    }
    return this.prepare;
  }

  /** The samples of an epoch; `keys` where it may have some more than once. */
  private async order(epoch: number): Promise<{ order: Int32Array; keys?: Float64Array }> {
    if (!this.shuffle) return { order: Int32Array.from({ length: this.size }, (_, i) => i) };
    const random = randomStream(Purpose.shuffle, this.seed, epoch);
    const sampler = await this.sampler();
    if (!sampler) return { order: this.shuffled?.(random) ?? shuffledIndices(this.size, random) };
    const drawn = sampler.draw(randomStream(Purpose.sampling, this.seed, epoch));
    const order = this.shuffled?.(random, drawn.sort()) ?? drawn;
    return { order, keys: keysOf(order, this.size) };
  }
}

/** Queues a batch. */
type Prepare = (epoch: number, indices: Int32Array, keys: Float64Array | undefined) => Promise<Batch>;

/**
 * What draws the samples of an epoch, made when it is first needed; of nothing where each is there once.
 * @throws FlatminError INVALID_ARGUMENT for options that exclude each other
 */
function samplerOf(
  source: Source,
  split: 'train' | 'test',
  {
    sampler,
    shuffle,
    sampleWeights,
  }: { sampler: (typeof SAMPLERS)[number]; shuffle: boolean; sampleWeights?: ArrayLike<number> | undefined },
): () => Promise<WeightedSampler | undefined> {
  if (sampler === 'shuffle' && !sampleWeights) return async () => undefined;
  if (sampler === 'balanced' && sampleWeights)
    throw invalid('sampleWeights', "left out with the sampler 'balanced'", 'given');
  const name = sampleWeights ? 'sampleWeights' : 'sampler';
  if (split === 'test' || !shuffle)
    throw invalid(
      name,
      'left out but for training samples in random order',
      sampleWeights ? 'given' : sampler,
    );
  const { size } = source[split];
  if (sampleWeights && sampleWeights.length !== size)
    throw invalid('sampleWeights', `${size} numbers, one for each sample`, `${sampleWeights.length} numbers`);
  if (sampleWeights) {
    const made = new WeightedSampler(sampleWeights);
    return async () => made;
  }
  let made: Promise<WeightedSampler> | undefined;
  return () => {
    made ??= balancedWeights(source).then(({ weights }) => new WeightedSampler(weights));
    return made;
  };
}

function closedError(): FlatminError {
  return new FlatminError('INTERRUPTED', 'The data loader is closed: create another one.');
}
