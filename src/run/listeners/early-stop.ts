import { type Followed, followedValue, isBetter } from '../../metrics/followed.js';
import type { RunState } from '../checkpoint/state.js';
import type { EpochDone, RunListener } from './listener.js';
import type { Progress } from './progress.js';

/** Keeps count of the best value of the followed metric on the test set, and ends the run once there was no better for some evaluations. */
export class EarlyStop implements RunListener {
  /** @param patience evaluations without a better one; undefined: the run goes on */
  constructor(
    private readonly patience: number | undefined,
    private readonly followed: Followed,
    private readonly state: RunState,
    private readonly progress: Progress,
  ) {}

  onEpoch({ test }: EpochDone): void {
    if (!test) return;
    const { state, followed } = this;
    const value = followedValue(followed, test);
    const isBest = value !== undefined && isBetter(value, state.best, followed.better);
    if (isBest) state.best = value;
    state.sinceBest = isBest ? 0 : state.sinceBest + 1;
    if (this.wantsEnd())
      this.progress.note(`No better ${followed.title} in ${state.sinceBest} evaluations: the run ends.`);
  }

  wantsEnd(): boolean {
    return this.patience !== undefined && this.state.sinceBest >= this.patience;
  }
}
