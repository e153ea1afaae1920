import { uniforms } from '../../addon/random.js';
import type { BuiltGraph } from '../../compile/build-graph.js';
import { elementCount } from '../../onnx/tensors/tensor.js';
import type { BatchGraph } from '../batch-graph.js';
import type { Feeds } from './feeds.js';

/** Sets the numbers that decide what Dropout drops apart from the optimizers' own of the same seed. */
const DROPOUT_SEED = 2 ** 40;
/** Micro-batches and Dropout nodes of a step that have streams of their own. */
const STREAMS_PER_STEP = 2 ** 20;
const STREAMS_PER_BATCH = 2 ** 10;

/** What a training graph reads in a pass beside the weights: a batch, and the noise of Dropout. */
export class BatchInputs {
  private fed: Feeds | undefined;

  constructor(
    private readonly graph: BatchGraph,
    private readonly noise: BuiltGraph['noise'],
    private readonly seed: number,
  ) {}

  /**
   * Puts a batch, and noise that depends on seed, step and micro-batch alone, where the next passes read them: all passes of a step drop
   * the same.
   * @param part place of the micro-batch in its step
   * @throws FlatminError INVALID_ARGUMENT naming an array that is missing or does not fit, or a label out of range
   */
  async feed(batch: Feeds, step: number, part: number): Promise<void> {
    this.fed = undefined;
    await this.graph.feed(batch);
    const first = step * STREAMS_PER_STEP + part * STREAMS_PER_BATCH;
    for (const [index, { name, dims }] of this.noise.entries()) {
      const values = uniforms(elementCount(dims), this.seed + DROPOUT_SEED, first + index);
      await this.graph.fill(name, values);
    }
    this.fed = batch;
  }

  /** Whether the next passes read this batch. */
  holds(batch: Feeds): boolean {
    return this.fed === batch;
  }

  /** A new step begins: its noise is another, and a batch's arrays may have changed. */
  clear(): void {
    this.fed = undefined;
  }
}
