import type { RunState } from '../checkpoint/state.js';
import type { EpochDone, RunListener, StepDone } from './listener.js';
import type { Progress } from './progress.js';

/** Shows a run's steps, and a line for each epoch. */
export class ShowProgress implements RunListener {
  /** Of the last step that was not skipped. */
  private loss = Number.NaN;
  private accuracy: number | undefined;
  private imagesPerSecond = Number.NaN;

  /** @param epochs of the whole run */
  constructor(
    private readonly progress: Progress,
    private readonly epochs: number,
    private readonly state: Pick<RunState, 'skipped'>,
  ) {}

  onStep({ step, loss, skipped, imagesPerSecond }: StepDone): void {
    if (!skipped) this.loss = loss;
    this.imagesPerSecond = imagesPerSecond;
    this.show(step, this.loss);
  }

  onEpoch({ step, epoch, meanLoss, test }: EpochDone): void {
    this.accuracy = test?.accuracy ?? this.accuracy;
    this.show(step, meanLoss);
    const parts = [`epoch ${epoch}/${this.epochs}: loss ${meanLoss.toPrecision(4)}`];
    if (test) parts.push(`test loss ${test.loss.toPrecision(4)}`);
    if (test?.accuracy !== undefined) parts.push(`accuracy ${(100 * test.accuracy).toFixed(2)} %`);
    this.progress.note(parts.join(', '));
  }

  private show(step: number, loss: number): void {
    const { accuracy, imagesPerSecond } = this;
    const { skipped } = this.state;
    this.progress.update(step, { loss, accuracy, imagesPerSecond, skipped });
  }
}
