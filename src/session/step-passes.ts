import { FlatminError } from '../errors.js';
import type { LossScaler } from '../optim/loss-scale.js';
import type { Problem } from '../optim/optimizer.js';
import { type AppliedSteps, oneIfFinite } from '../optim/toolkit/applied-steps.js';
import type { Ranks } from '../optim/toolkit/ranks.js';
import type { Vector } from '../vectors/parameter-space.js';
import { assign, scalar, sumOfSquares, vector } from '../vectors/program/expression.js';
import { program, type VectorProgram } from '../vectors/program/program.js';
import { Scalar } from '../vectors/scalar.js';
import type { BatchGraph } from './batch-graph.js';
import type { ModelWeights } from './model-weights.js';
import type { RankExchange } from './rank-exchange.js';

const [g, target, source] = [vector('g'), vector('target'), vector('source')];

// g ← g/S, and Σ g²: finite exactly if every gradient is
const unscale = program(assign(g, scalar('inverseScale').times(g)), sumOfSquares(g));
const squaredGradient = program(sumOfSquares(g));
const copy = program(assign(target, source));
const squaredNorm = program(sumOfSquares(source));

/** Loss scaling in half precision. */
export interface LossScaling {
  readonly scaler: LossScaler;
  /** The graph's input that takes the scale: its gradients come out multiplied by that. */
  readonly input: string;
}

/** A training graph and what its passes work on. */
export interface PassContext {
  readonly graph: BatchGraph;
  readonly weights: ModelWeights;
  readonly seed: number;
  /** Takes the running statistics that a pass makes; undefined where none move. */
  readonly nextStatistics: Vector | undefined;
  readonly scaling: LossScaling | undefined;
  /**
   * Where a step that is not finite changes nothing, instead of ending training: holds the running statistics from before it, which come
   * back.
   */
  readonly statisticsBefore: Vector | undefined;
  /** Steps before this one that changed the parameters; default all. */
  readonly applied: AppliedSteps | undefined;
  /** Where other ranks have micro-batches of the step. */
  readonly exchange?: RankExchange | undefined;
  /** Time spent in passes, on a GPU in queueing them. */
  readonly clock: { seconds: number };
}

/** The gradient passes of one step. */
export class StepPasses {
  /** Finite exactly if the loss of every pass so far was, and where steps are skipped its gradient too. */
  private health: Scalar | undefined;
  private count = 0;
  private hasMovedStatistics = false;
  /** Whether running statistics have moved that the other ranks do not have. */
  private hasOwnStatistics = false;

  /** @param step steps done before this one */
  constructor(
    private readonly context: PassContext,
    private readonly step: number,
  ) {}

  /** The step on the batch that has been fed, as optimizers see it. */
  get problem(): Problem {
    const { weights, seed, statisticsBefore, applied } = this.context;
    const { space } = weights;
    return {
      space,
      step: this.step,
      applied,
      seed,
      health: () => this.health,
      onNotFinite: statisticsBefore ? 'skip' : 'throw',
      gradient: (statistics, at = space.parameters) => this.gradient(statistics, at),
    };
  }

  /**
   * The other ranks of the step.
   * @param batches micro-batches of each
   */
  ranks(exchange: RankExchange, batches: number): Ranks {
    const { rank, size } = exchange.group;
    return {
      rank,
      size,
      total: exchange.room(batches).total,
      gather: (losses) => this.gather(exchange, losses),
      sum: (vector, finite) => exchange.sum(vector, finite),
      pass: (vector, finite, from) => exchange.pass(vector, finite, from),
    };
  }

  private async gather(exchange: RankExchange, own: readonly Scalar[]): Promise<Scalar[]> {
    const { losses, health } = await exchange.gather(own, this.health!, this.hasOwnStatistics);
    this.hasOwnStatistics = false;
    this.health = health;
    const bad = losses.find((loss) => !Number.isFinite(loss));
    if (bad !== undefined && !this.context.statisticsBefore) throw notFiniteLoss(bad, this.step);
    return losses.map(Scalar.of);
  }

  /** Ends the step: where steps are skipped, one whose update was not finite leaves the running statistics as they were too. */
  async end(gradientNorm: Scalar): Promise<void> {
    const { statisticsBefore, weights } = this.context;
    if (!statisticsBefore || !this.hasMovedStatistics) return;
    const skipped = Scalar.of(1).minus(oneIfFinite(gradientNorm));
    const vectors = { target: weights.statistics, source: statisticsBefore };
    // 1/0 is not finite.
    await this.runOnStatistics(copy, vectors, Scalar.of(1).over(skipped));
  }

  private async gradient(statistics: 'update' | 'keep', at: Vector): Promise<Scalar> {
    const { clock } = this.context;
    const start = performance.now();
    const { loss, finite } = await this.pass(at);
    this.health = this.health?.plus(finite) ?? finite;
    if (statistics === 'update') await this.commitStatistics(finite);
    clock.seconds += (performance.now() - start) / 1000;
    return loss;
  }

  /**
   * With a loss scale S the gradient is unscaled before anyone sees it: norms, perturbations and momentum are those of the gradient itself.
   * @returns the loss, and a number that is finite exactly if the loss is, and where steps are skipped the gradient too
   * @throws FlatminError NOT_FINITE naming step and pass when the loss is known to be NaN or infinite, and the step is not skipped
   */
  private async pass(at: Vector): Promise<{ loss: Scalar; finite: Scalar }> {
    const { graph, weights, scaling, statisticsBefore } = this.context;
    const { space } = weights;
    this.count++;
    const scale = scaling?.scaler.scaleOf(this.step);
    if (scaling) await graph.fill(scaling.input, Float32Array.of(scale!));
    const loss = await graph.run(at);
    if (!statisticsBefore) {
      // The other ranks would wait for this one: all decide alike once they know.
      if (loss.known !== undefined && !Number.isFinite(loss.known) && !this.context.exchange)
        throw notFiniteLoss(loss.known, this.step, this.count);
      return { loss, finite: loss.times(0) };
    }
    const [squares] =
      scale === undefined
        ? await space.run(squaredGradient, { g: space.gradient })
        : await space.run(unscale, { g: space.gradient }, () => ({ inverseScale: 1 / scale }));
    // A product with zero is zero, or NaN where the loss is not finite.
    return { loss, finite: squares!.plus(loss.times(0)) };
  }

  /** Running statistics are written beside the old ones, so a pass that fails or overflows leaves them whole. */
  private async commitStatistics(when: Scalar): Promise<void> {
    const { weights, nextStatistics: source, statisticsBefore } = this.context;
    if (!source) return;
    const { statistics } = weights;
    if (statisticsBefore && !this.hasMovedStatistics)
      await this.runOnStatistics(copy, { target: statisticsBefore, source: statistics });
    this.hasMovedStatistics = true;
    this.hasOwnStatistics = true;
    // A ReLU may lose the NaN that a statistic holds.
    const [squares] = await this.runOnStatistics(squaredNorm, { source });
    await this.runOnStatistics(copy, { target: statistics, source }, when.plus(squares!.times(0)));
  }

  private runOnStatistics(work: VectorProgram, vectors: Record<string, Vector>, when?: Scalar) {
    const { device, statisticsArena } = this.context.weights;
    return device.run(work, vectors, [{ first: 0, count: statisticsArena.length, scalars: {} }], { when });
  }
}

/**
 * @param step steps done before the one that failed
 * @param pass which gradient of the step it was, from 1, where that is known
 */
export const notFiniteLoss = (loss: number, step: number, pass?: number): FlatminError =>
  new FlatminError(
    'NOT_FINITE',
    `The loss is ${loss} at step ${step + 1}${pass === undefined ? '' : ` (its pass ${pass})`}: lower the learning rate or check the data.`,
  );
