import { FlatminError, invalid } from '../errors.js';
import { type Augmentation, checkAugmentation } from './augmentation.js';
import { type Batch, BatchMaker, type BatchSource } from './batch.js';
import { requireInteger } from './checks.js';
import type { Dataset } from './dataset.js';
import { checkNormalization, type Normalization, trainingSetNormalization } from './normalization.js';
import { Purpose, randomStream, shuffledIndices } from './random.js';
import { WorkerPool } from './worker-pool.js';

/** How a `DataLoader` makes batches. */
export interface DataLoaderOptions {
  /** Samples a batch. */
  readonly batch: number;
  /** A new order each epoch, from (seed, epoch) alone. Default: true for the training split. */
  readonly shuffle?: boolean;
  /** Default: none. */
  readonly augmentation?: Augmentation;
  /** Default: the training set's. */
  readonly normalization?: Normalization;
  /** Of the order and the augmentation; default 0. */
  readonly seed?: number;
  /** Threads that prepare batches; 0 prepares each in the calling thread when it is asked for. Default 1. */
  readonly workers?: number;
  /** Batches prepared ahead of the one in use. Default 4. */
  readonly prefetch?: number;
  /** Leave out a last batch that is not full. Default: true for the training split. */
  readonly dropLast?: boolean;
}

/** Threads of one loader. */
const MOST_WORKERS = 1024;

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
  readonly #source: BatchSource;
  readonly #size: number;
  readonly #batch: number;
  readonly #shuffle: boolean;
  readonly #workers: number;
  readonly #prefetch: number;
  #prepare: ((epoch: number, indices: Int32Array) => Batch | Promise<Batch>) | undefined;
  #pool: WorkerPool | undefined;
  #nextEpoch = 0;
  #closed = false;

  /** Throws INVALID_ARGUMENT for an impossible option, such as a batch that the split cannot fill even once. */
  constructor(source: { dataset: Dataset; split: 'train' | 'test' }, options: DataLoaderOptions) {
    const { dataset, split } = source;
    const { batch, augmentation, seed = 0, workers = 1, prefetch = 4 } = options;
    const { shuffle = split === 'train', dropLast = split === 'train' } = options;
    if (split !== 'train' && split !== 'test') throw invalid('split', "'train' or 'test'", split);
    const { images, labels, size } = dataset[split];

    requireInteger('batch', batch, 1);
    requireInteger('seed', seed, 0);
    requireInteger('workers', workers, 0);
    if (workers > MOST_WORKERS) throw invalid('workers', `at most ${MOST_WORKERS}`, workers);
    requireInteger('prefetch', prefetch, 0);
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
    this.#source = { images, labels, shape, scale, normalization: this.normalization, augmentation, seed };
    this.#size = size;
    this.#batch = batch;
    this.#shuffle = shuffle;
    this.#workers = workers;
    this.#prefetch = workers > 0 ? prefetch : 0;
    this.batchesPerEpoch = dropLast ? Math.floor(size / batch) : Math.ceil(size / batch);
  }

  /**
   * The batches of epoch `index` from `firstBatch` (default 0) on. To stop early is safe. The iterator rejects with RUNTIME when
   * a worker fails and with INTERRUPTED when the loader is closed meanwhile.
   */
  epoch(index: number, { firstBatch = 0 }: { firstBatch?: number } = {}): AsyncIterableIterator<Batch> {
    requireInteger('epoch', index, 0);
    requireInteger('firstBatch', firstBatch, 0);
    if (firstBatch > this.batchesPerEpoch) {
      throw invalid('firstBatch', `at most ${this.batchesPerEpoch}, the batches of an epoch`, firstBatch);
    }
    return this.#batches(index, firstBatch);
  }

  /** One epoch; each iteration of the loader is the next one, beginning with epoch 0. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Batch> {
    return this.epoch(this.#nextEpoch++);
  }

  /** Ends the worker threads. May be called twice. A closed loader gives no more batches. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#pool?.close();
  }

  async *#batches(epoch: number, firstBatch: number): AsyncGenerator<Batch, void, undefined> {
    if (this.#closed) throw closedError();
    const prepare = this.#start();
    const order = this.#order(epoch);
    const ahead: Promise<Batch>[] = [];
    for (let next = firstBatch; next < this.batchesPerEpoch || ahead.length > 0; ) {
      if (this.#closed) throw closedError();
      while (next < this.batchesPerEpoch && ahead.length <= this.#prefetch) {
        const indices = order.slice(next * this.#batch, (next + 1) * this.#batch);
        const batch = Promise.resolve(prepare(epoch, indices));
        // One that is never asked for must not count as unhandled.
        batch.catch(() => {});
        ahead.push(batch);
        next++;
      }
      yield await ahead.shift()!;
    }
  }

  #start(): (epoch: number, indices: Int32Array) => Batch | Promise<Batch> {
    if (this.#prepare) return this.#prepare;
    if (this.#workers === 0) {
      const maker = new BatchMaker(this.#source);
      this.#prepare = (epoch, indices) => maker.make(epoch, indices);
    } else {
      const pool = new WorkerPool(this.#source, this.#workers);
      this.#pool = pool;
      this.#prepare = (epoch, indices) => pool.prepare(epoch, indices);
    }
    return this.#prepare;
  }

  #order(epoch: number): Int32Array {
    return this.#shuffle
      ? shuffledIndices(this.#size, randomStream(Purpose.shuffle, this.#source.seed, epoch))
      : Int32Array.from({ length: this.#size }, (_, i) => i);
  }
}

function closedError(): FlatminError {
  return new FlatminError('INTERRUPTED', 'The data loader is closed: create another one.');
}
