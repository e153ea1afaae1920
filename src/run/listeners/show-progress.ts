import { type Followed, followedValue } from '../../metrics/followed.js';
import { formatMetric } from '../../metrics/shown.js';
import type { Evaluation } from '../../session/evaluator.js';
import type { RunState } from '../checkpoint/state.js';
import type { EpochDone, RunListener, StepDone } from './listener.js';
import type { Progress } from './progress.js';

/** Shows a run's steps, and a line for each epoch. */
export class ShowProgress implements RunListener {
  /** Of the last step that was not skipped. */
  private loss = Number.NaN;
  /** The followed metric, with its name. */
  private metric: string | undefined;
  private imagesPerSecond = Number.NaN;

  /** @param epochs of the whole run */
  constructor(
    private readonly progress: Progress,
    private readonly epochs: number,
    private readonly followed: Followed,
    private readonly state: Pick<RunState, 'skipped'>,
  ) {}

  onStep({ step, loss, skipped, imagesPerSecond }: StepDone): void {
    if (!skipped) this.loss = loss;
    this.imagesPerSecond = imagesPerSecond;
    this.show(step, this.loss);
  }

  onEpoch({ step, epoch, meanLoss, test }: EpochDone): void {
    this.metric = (test && this.describe(test)) ?? this.metric;
    this.show(step, meanLoss);
    const parts = [`epoch ${epoch}/${this.epochs}: loss ${meanLoss.toPrecision(4)}`];
    if (test) parts.push(`test loss ${test.loss.toPrecision(4)}`);
    if (test && this.followed.name !== 'loss') parts.push(this.describe(test) ?? '');
    this.progress.note(parts.filter((part) => part !== '').join(', '));
  }

  private describe(test: Evaluation): string | undefined {
    const { name, title } = this.followed;
    const value = followedValue(this.followed, test);
    return value === undefined
      ? undefined
      : `${name === 'loss' ? 'test loss' : title} ${formatMetric(name, value)}`;
  }

  private show(step: number, loss: number): void {
    const { metric, imagesPerSecond } = this;
    const { skipped } = this.state;
    this.progress.update(step, { loss, metric, imagesPerSecond, skipped });
  }
}
