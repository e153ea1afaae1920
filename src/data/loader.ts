import { FlatminError, invalid } from '../errors.js';
import { checked, checkedValue, type Given, option } from '../options/option.js';
import { choice, count, countOrZero, flag, integerWithin } from '../options/values.js';
import type { Augmentation } from './augmentation.js';
import { type Batch, BatchMaker, type BatchSource } from './batch.js';
import type { Dataset } from './dataset.js';
import type { ImageShape } from './image-shape.js';
import { checkNormalization, type Normalization, trainingSetNormalization } from './normalization.js';
import { Purpose, randomStream, shuffledIndices } from './random.js';
import { WorkerPool } from './worker-pool.js';

/** More help nobody: a batch is prepared in milliseconds. */
const MOST_WORKERS = 64;

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
export interface DataLoaderOptions extends Readonly<Given<typeof loaderOptions>> {
  /** Samples a batch. */
  readonly batch: number;
  /** Default: none. */
  readonly augmentation?: Augmentation;
  /** Default: the training set's. */
  readonly normalization?: Normalization;
}

const splitName = choice(['train', 'test']);

/**
 * Batches of one split of a data set, prepared in worker threads ahead of need. A batch depends on (options, epoch, its position)
 * alone: neither the number of workers nor where an epoch was resumed changes it. Every batch has buffers of its own, valid for as
 * long as the caller keeps them. The threads start with the first batch and do not keep the process alive; `close` ends them.
 */
export class DataLoader implements AsyncIterable<Batch> {
  /** A last one that is not full counts unless `dropLast`. */
  readonly batchesPerEpoch: number;
  /** What images are normalised by. */
  readonly normalization: Normalization;
  private readonly source: BatchSource;
  private readonly size: number;
  private readonly batch: number;
  private readonly shuffle: boolean;
  private readonly workers: number;
  private readonly prefetch: number;
  private prepare: ((epoch: number, indices: Int32Array) => Batch | Promise<Batch>) | undefined;
  private pool: WorkerPool | undefined;
  private nextEpoch = 0;
  private closed = false;

  /** Throws INVALID_ARGUMENT for an impossible option, such as a batch that the split cannot fill even once. */
  constructor(source: { dataset: Dataset; split: 'train' | 'test' }, options: DataLoaderOptions) {
    const { dataset, split } = source;
    checkedValue('split', splitName, split);
    const { augmentation } = options;
    const { seed, workers, prefetch, ...others } = checked(loaderOptions, options);
    const { shuffle = split === 'train', dropLast = split === 'train' } = others;
    const batch = checkedValue('batch', count, options.batch);
    const { images, labels, size } = dataset[split];

    if (augmentation) checkAugmentation(augmentation, dataset.shape);
    if (size === 0) {
      throw new FlatminError('INVALID_ARGUMENT', `The data set ${dataset.name} has no ${split} images.`);
    }
    if (dropLast && batch > size) {
      throw new FlatminError(
        'INVALID_ARGUMENT',
        `A batch of ${batch} is larger than the ${size} ${split} images of ${dataset.name}: choose a batch of at most ${size}.`,
      );
    }
    this.normalization = options.normalization ?? trainingSetNormalization(dataset);
    checkNormalization(this.normalization, dataset.shape[0]);

    const { shape, scale } = dataset;
    this.source = { images, labels, shape, scale, normalization: this.normalization, augmentation, seed };
    this.size = size;
    this.batch = batch;
    this.shuffle = shuffle;
    this.workers = workers;
    this.prefetch = workers > 0 ? prefetch : 0;
    this.batchesPerEpoch = dropLast ? Math.floor(size / batch) : Math.ceil(size / batch);
  }

  /**
   * The batches of epoch `index` from `firstBatch` (default 0) on. To stop early is safe. The iterator rejects with RUNTIME when
   * a worker fails and with INTERRUPTED when the loader is closed meanwhile.
   */
  epoch(index: number, { firstBatch = 0 }: { firstBatch?: number } = {}): AsyncIterableIterator<Batch> {
    checkedValue('epoch', countOrZero, index);
    checkedValue('firstBatch', countOrZero, firstBatch);
    if (firstBatch > this.batchesPerEpoch) {
      throw invalid('firstBatch', `at most ${this.batchesPerEpoch}, the batches of an epoch`, firstBatch);
    }
    return this.batches(index, firstBatch);
  }

  /** One epoch; each iteration of the loader is the next one, beginning with epoch 0. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Batch> {
    return this.epoch(this.nextEpoch++);
  }

  /** Ends the worker threads. May be called twice. A closed loader gives no more batches. */
  async close(): Promise<void> {
    this.closed = true;
    await this.pool?.close();
  }

  private async *batches(epoch: number, firstBatch: number): AsyncGenerator<Batch, void, undefined> {
    if (this.closed) throw closedError();
    const prepare = this.start();
    const order = this.order(epoch);
    const ahead: Promise<Batch>[] = [];
    for (let next = firstBatch; next < this.batchesPerEpoch || ahead.length > 0; ) {
      if (this.closed) throw closedError();
      while (next < this.batchesPerEpoch && ahead.length <= this.prefetch) {
        const indices = order.slice(next * this.batch, (next + 1) * this.batch);
        const batch = Promise.resolve(prepare(epoch, indices));
        // One that is never asked for must not count as unhandled.
        batch.catch(() => {});
        ahead.push(batch);
        next++;
      }
      yield await ahead.shift()!;
    }
  }

  private start(): (epoch: number, indices: Int32Array) => Batch | Promise<Batch> {
    if (this.prepare) return this.prepare;
    if (this.workers === 0) {
      const maker = new BatchMaker(this.source);
      this.prepare = (epoch, indices) => maker.make(epoch, indices);
    } else {
      const pool = new WorkerPool(this.source, this.workers);
      this.pool = pool;
      this.prepare = (epoch, indices) => pool.prepare(epoch, indices);
    }
    return this.prepare;
  }

  private order(epoch: number): Int32Array {
    return this.shuffle
      ? shuffledIndices(this.size, randomStream(Purpose.shuffle, this.source.seed, epoch))
      : Int32Array.from({ length: this.size }, (_, i) => i);
  }
}

function closedError(): FlatminError {
  return new FlatminError('INTERRUPTED', 'The data loader is closed: create another one.');
}

/** @throws FlatminError INVALID_ARGUMENT for an option that these images cannot have */
function checkAugmentation({ crop, cutout }: Augmentation, [, height, width]: ImageShape): void {
  if (crop) {
    checkedValue('crop.padding', countOrZero, crop.padding);
    checkedValue('crop.mode', choice(['reflect', 'zero']), crop.mode);
    const most = Math.min(height, width) - 1;
    if (crop.mode === 'reflect' && crop.padding > most)
      throw invalid('crop.padding', `at most ${most} to reflect ${height}×${width} images`, crop.padding);
  }
  if (cutout) checkedValue('cutout.size', count, cutout.size);
}
