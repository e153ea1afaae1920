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
import { WorkerPool } from './worker-pool.js';

/** More help nobody: a batch is prepared in milliseconds. */
const MOST_WORKERS = 64;

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
};

/** How a `DataLoader` makes batches. */
export interface DataLoaderOptions extends Readonly<Given<typeof loaderOptions>>, ImageUse {
  /** Samples a batch. */
  readonly batch: number;
}

/** How a loader of a source makes batches: the source says how samples are made ready. */
export interface SourceLoaderOptions extends Readonly<Given<typeof loaderOptions>> {
  /** Samples a batch. */
  readonly batch: number;
  /** Whether samples are changed at random as the source has it. Default: those of the training part. */
  readonly augment?: boolean;
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
  private prepare: ((epoch: number, indices: Int32Array) => Promise<Batch>) | undefined;
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
    const { seed, workers, prefetch, ...others } = checked(loaderOptions, options);
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
   * The batches of epoch `index` from `firstBatch` (default 0) on. To stop early is safe. The iterator rejects with RUNTIME when
   * a worker fails and with INTERRUPTED when the loader is closed meanwhile.
   */
  epoch(index: number, { firstBatch = 0 }: { firstBatch?: number } = {}): AsyncIterableIterator<B> {
    checkedValue('epoch', countOrZero, index);
    checkedValue('firstBatch', countOrZero, firstBatch);
    if (firstBatch > this.batchesPerEpoch) {
      throw invalid('firstBatch', `at most ${this.batchesPerEpoch}, the batches of an epoch`, firstBatch);
    }
    return this.batches(index, firstBatch);
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

  private async *batches(epoch: number, firstBatch: number): AsyncGenerator<B, void, undefined> {
    if (this.closed) throw closedError();
    const prepare = this.start();
    const order = this.order(epoch);
    const ahead: Promise<Batch>[] = [];
    for (let next = firstBatch; next < this.batchesPerEpoch || ahead.length > 0; ) {
      if (this.closed) throw closedError();
      while (next < this.batchesPerEpoch && ahead.length <= this.prefetch) {
        const indices = order.slice(next * this.batch, (next + 1) * this.batch);
        const batch = prepare(epoch, indices);
        // One that is never asked for must not count as unhandled.
        batch.catch(() => {});
        ahead.push(batch);
        next++;
      }
      yield (await ahead.shift()!) as B;
    }
  }

  private start(): (epoch: number, indices: Int32Array) => Promise<Batch> {
    if (this.prepare) return this.prepare;
    if (this.workers === 0) {
      const maker = makerOf(this.recipe);
      maker.catch(() => {});
      this.prepare = async (epoch, indices) => (await maker).make(epoch, indices);
    } else {
      const pool = new WorkerPool(this.recipe, this.workers);
      this.pool = pool;
      this.prepare = (epoch, indices) => pool.prepare(epoch, indices);
    }
    return this.prepare;
  }

  private order(epoch: number): Int32Array {
    if (!this.shuffle) return Int32Array.from({ length: this.size }, (_, i) => i);
    const random = randomStream(Purpose.shuffle, this.seed, epoch);
    return this.shuffled?.(random) ?? shuffledIndices(this.size, random);
  }
}

function closedError(): FlatminError {
  return new FlatminError('INTERRUPTED', 'The data loader is closed: create another one.');
}
