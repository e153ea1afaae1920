import { WeightAveraging } from '../optim/averaging.js';
import type { Feeds } from '../session/feed/feeds.js';
import type { WeightVectors } from '../session/model-weights.js';
import type { Setup } from './setup.js';

/** The weights that are the run's result so far, by epoch. */
export class RunResult {
  private last: { epoch: number; at: WeightVectors } | undefined;

  /** @param batchesOf the training batches of an epoch, from 0 */
  constructor(
    private readonly setup: Setup,
    private readonly batchesOf: (epoch: number) => AsyncIterable<Feeds>,
  ) {}

  /** The average where there is one, with BatchNorm statistics over the epoch's training batches, else the trained weights. */
  async after(epoch: number): Promise<WeightVectors> {
    if (this.last?.epoch !== epoch) this.last = { epoch, at: await this.compute(epoch) };
    return this.last.at;
  }

  /** Training goes on from another point. */
  forget(): void {
    this.last = undefined;
  }

  private async compute(epoch: number): Promise<WeightVectors> {
    const { optimizer, session } = this.setup;
    if (!(optimizer instanceof WeightAveraging)) return {};
    const parameters = optimizer.average(session.space, session.steps);
    if (!parameters) return {};
    if (!session.hasStatistics) return { parameters };
    return { parameters, statistics: await session.batchNormStatistics(this.batchesOf(epoch), parameters) };
  }
}
