import type { RunState } from '../checkpoint/state.js';
import type { EpochDone, RunListener } from './listener.js';
import type { Progress } from './progress.js';

/** Keeps count of the best accuracy on the test set, and ends the run once it has not risen for some evaluations. */
export class EarlyStop implements RunListener {
  /** @param patience evaluations without a better one; undefined: the run goes on */
  constructor(
    private readonly patience: number | undefined,
    private readonly state: RunState,
    private readonly progress: Progress,
  ) {}

  onEpoch({ test }: EpochDone): void {
    if (!test) return;
    const { state } = this;
    const isBest = test.accuracy !== undefined && test.accuracy > state.bestAccuracy;
    if (isBest) state.bestAccuracy = test.accuracy!;
    state.sinceBest = isBest ? 0 : state.sinceBest + 1;
    if (this.wantsEnd())
      this.progress.note(`No better accuracy in ${state.sinceBest} evaluations: the run ends.`);
  }

  wantsEnd(): boolean {
    return this.patience !== undefined && this.state.sinceBest >= this.patience;
  }
}
