import { FlatminError } from '../errors.js';
import type { LossScaler } from '../optim/loss-scale.js';
import type { Problem } from '../optim/optimizer.js';
import type { Vector } from '../runtime/parameter-space.js';
import type { Scalar } from '../runtime/scalar.js';
import { assign, scalar, sumOfSquares, vector } from '../runtime/vector/expression.js';
import { program } from '../runtime/vector/program.js';
import type { BatchGraph } from './batch-graph.js';
import type { ModelWeights } from './model-weights.js';

const [g, target, source] = [vector('g'), vector('target'), vector('source')];

// g ← g/S, and Σ g²: finite exactly if every gradient is
const unscale = program(assign(g, scalar('inverseScale').times(g)), sumOfSquares(g));
const copy = program(assign(target, source));
const squaredNorm = program(sumOfSquares(source));

/** A training graph and what its passes work on. */
export interface PassContext {
  readonly graph: BatchGraph;
  readonly weights: ModelWeights;
  /** Takes the running statistics that a pass makes. */
  readonly nextStatistics: Vector;
  /** Whether there are any. */
  readonly hasStatistics: boolean;
  /** Of half precision: its gradients come out of the graph multiplied by the scale. */
  readonly scaler: LossScaler | undefined;
  /** The graph's input that takes the scale. */
  readonly lossScale: string | undefined;
}

/** The gradient passes of one step. */
export class StepPasses {
  private total: Scalar | undefined;

  /** @param step steps done before this one */
  constructor(
    private readonly context: PassContext,
    private readonly step: number,
  ) {}

  /** Finite exactly if every pass so far was; undefined without a loss scale, where a pass that is not finite ends the run. */
  readonly health = (): Scalar | undefined => this.total;

  /** What a step does where a gradient is not finite. */
  get onNotFinite(): Problem['onNotFinite'] {
    return this.context.scaler ? 'skip' : 'throw';
  }

  /**
   * One pass over the batch that has been fed. With a loss scale S the gradient is unscaled before anyone sees it: norms,
   * perturbations and momentum are those of the gradient itself.
   * @throws FlatminError NOT_FINITE naming the step when the loss is known to be NaN or infinite, and there is no loss scale
   */
  async gradient(statistics: 'update' | 'keep', at: Vector): Promise<Scalar> {
    const { graph, weights, scaler, lossScale, hasStatistics } = this.context;
    const { space } = weights;
    if (!scaler || !lossScale) {
      const loss = await graph.run(at);
      if (loss.known !== undefined && !Number.isFinite(loss.known))
        throw notFiniteLoss(loss.known, this.step);
      if (statistics === 'update' && hasStatistics) await this.commitStatistics(loss);
      return loss;
    }
    const scale = scaler.scaleOf(this.step);
    await graph.fill(lossScale, Float32Array.of(scale));
    const loss = await graph.run(at);
    const [squares] = await space.run(unscale, { g: space.gradient }, () => ({ inverseScale: 1 / scale }));
    // A product with zero is zero, or NaN where the loss is not finite.
    const finite = squares!.plus(loss.times(0));
    this.total = this.total?.plus(finite) ?? finite;
    if (statistics === 'update' && hasStatistics) await this.commitStatistics(finite);
    return loss;
  }

  /** Running statistics are written beside the old ones, so a pass that fails or overflows leaves them whole. */
  private async commitStatistics(when: Scalar): Promise<void> {
    const { weights, nextStatistics } = this.context;
    const { device, statistics, statisticsArena } = weights;
    const whole = [{ first: 0, count: statisticsArena.length, scalars: {} }];
    // A ReLU may lose the NaN that a statistic holds.
    const [squares] = await device.run(squaredNorm, { source: nextStatistics }, whole);
    const finite = when.plus(squares!.times(0));
    await device.run(copy, { target: statistics, source: nextStatistics }, whole, { when: finite });
  }
}

/** @param step steps done before the one that failed */
export const notFiniteLoss = (loss: number, step: number): FlatminError =>
  new FlatminError(
    'NOT_FINITE',
    `The loss is ${loss} at step ${step + 1}: lower the learning rate or check the data.`,
  );
