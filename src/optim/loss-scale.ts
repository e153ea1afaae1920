import { FlatminError, invalid } from '../errors.js';
import { checked, type Given, option, type Values } from '../options/option.js';
import { atLeastOne, count, countOrZero, fraction, positive } from '../options/values.js';

const lossScaleOptions = {
  /** Scale of the first step; default 2¹⁶. */
  initial: option(positive, { help: 'scale of the first step', default: 2 ** 16 }),
  /** What the scale is multiplied by after `interval` clean steps; default 2. */
  growth: option(atLeastOne, { help: 'factor after an interval of clean steps', default: 2 }),
  /** What the scale of a step that overflowed is multiplied by; default ½. */
  backoff: option(fraction, { help: 'factor after a step that overflowed', default: 0.5 }),
  /** Default 2,000. */
  interval: option(count, { help: 'clean steps before the scale grows', default: 2000 }),
  /** The smallest scale that is tried; default 1. */
  minimum: option(positive, { help: 'the smallest scale that is tried', default: 1 }),
  /** Steps that begin before the outcome of one is known; default 0. */
  latency: option(countOrZero, { help: 'steps that begin before the outcome of one is known', default: 0 }),
};

/** Options of `LossScaler`. */
export interface LossScaleOptions extends Given<typeof lossScaleOptions> {}

/** What a checkpoint holds of a scaler. */
export interface LossScaleState {
  /** Steps whose outcomes have been recorded. */
  readonly step: number;
  /** Scales of the next steps: `step`, `step` + 1, … The outcomes that decide them are all recorded. */
  readonly scales: readonly number[];
  /** Clean steps in a row with the last of these scales. */
  readonly goodSteps: number;
  /** Steps that overflowed so far. */
  readonly skipped: number;
}

/** Products of gradients with it, and its inverse, stay in the range of float32. */
const LARGEST = 2 ** 60;

/**
 * The scale S that the loss of each step is multiplied by, so that half-precision gradients neither vanish nor overflow (dynamic loss
 * scaling, Micikevicius et al. 2018). Steps are counted from 0. All passes of a step (the ascents of SAM too) use one scale, and a step
 * is *clean* when the gradients of all of them are finite, else it *overflowed*: then it changes neither parameters, optimizer state
 * nor running statistics, and counts as skipped.
 *
 * Outcomes come `latency` steps late, L, and always count from the same step on, however early they are known: the scale of step s
 * depends on the outcomes of the steps 0 … s − 1 − L and on nothing else. With S the scale of step t + L and Sₜ that of step t, the
 * outcome of step t makes that of step t + L + 1:
 * - overflow: min(S, Sₜ·backoff). Steps that were under way when the scale fell, and overflow like the one it fell for, lower it no more.
 * - clean, the `interval`-th such step in a row with Sₜ = S: S·growth. Steps under way with an older scale say nothing of this one.
 * - else S.
 *
 * Powers of two make scaling and unscaling exact.
 */
export class LossScaler {
  private readonly options: Values<typeof lossScaleOptions>;
  private current: LossScaleState;

  /** @throws FlatminError INVALID_ARGUMENT for an option out of range */
  constructor(options: LossScaleOptions = {}) {
    this.options = checked(lossScaleOptions, options);
    const { initial, minimum } = this.options;
    if (!(initial >= minimum && initial <= LARGEST))
      throw invalid('initial', `a number in [${minimum}, 2^60]`, initial);
    this.current = { step: 0, scales: this.queue(initial), goodSteps: 0, skipped: 0 };
  }

  /** Steps that overflowed among those recorded. */
  get skipped(): number {
    return this.current.skipped;
  }

  /**
   * The scale of a step, which is one of the `latency` + 1 steps from the first without a recorded outcome on.
   * @throws RangeError for another step
   */
  scaleOf(step: number): number {
    const scale = this.current.scales[step - this.current.step];
    if (scale === undefined) {
      const last = this.current.step + this.options.latency;
      throw new RangeError(
        `The loss scale of step ${step} is not known: outcomes are recorded of ${this.current.step} steps, which gives the scales of steps ${this.current.step} to ${last}.`,
      );
    }
    return scale;
  }

  /**
   * Takes the outcome of the next step.
   * @param finite whether all gradients of the step were finite
   * @throws FlatminError NOT_FINITE naming the step, where it overflowed with the smallest scale
   * @throws RangeError for another step than the next
   */
  record(step: number, finite: boolean): void {
    const { scales, goodSteps, skipped } = this.current;
    if (step !== this.current.step)
      throw new RangeError(
        `Expected the outcome of step ${this.current.step}, but received that of step ${step}.`,
      );
    const { growth, backoff, interval, minimum } = this.options;
    const [own, latest] = [scales[0]!, scales.at(-1)!];
    let [next, good] = [latest, goodSteps];
    if (!finite) {
      if (own * backoff < minimum) {
        throw new FlatminError(
          'NOT_FINITE',
          `The gradient of the loss is not finite at step ${step + 1}, though the loss scale is down to ${own} (${skipped} steps skipped so far): lower the learning rate, check the data, or train with precision fp32.`,
        );
      }
      [next, good] = [Math.min(latest, own * backoff), 0];
    } else if (own === latest && ++good >= interval) {
      [next, good] = [Math.min(latest * growth, LARGEST), 0];
    }
    this.current = {
      step: step + 1,
      scales: [...scales.slice(1), next],
      goodSteps: good,
      skipped: skipped + Number(!finite),
    };
  }

  /** What `restore` goes on from. */
  state(): LossScaleState {
    return this.current;
  }

  /** Goes on from a state: exactly, from that of a scaler of the same latency; of another, with its last scale. */
  restore({ step, scales, goodSteps, skipped }: LossScaleState): void {
    const same = scales.length === this.options.latency + 1;
    this.current = { step, scales: same ? [...scales] : this.queue(scales.at(-1)!), goodSteps, skipped };
  }

  private queue(scale: number): number[] {
    return Array.from({ length: this.options.latency + 1 }, () => scale);
  }
}
