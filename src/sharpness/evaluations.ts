import { FlatminError } from '../errors.js';
import type { ParameterSpace, Vector } from '../vectors/parameter-space.js';
import type { Objective } from './objective.js';

/** Passes over all the data. */
export interface Passes {
  /** Of the mean loss. */
  gradients: number;
  /** Without a gradient. */
  losses: number;
  /** Exact Hessian-vector products. */
  products: number;
}

/** An objective whose passes are counted, and whose loss and gradient at the parameters are not computed twice in a row. */
export class Evaluations {
  private lossAtParameters: number | undefined;
  /** Whether `space.gradient` holds the gradient at the parameters. */
  private holdsGradient = false;

  /** @param share of the data that the objective is over */
  constructor(
    private readonly objective: Objective,
    /** Counts up; passes over a part of the data count as that part. */
    readonly passes: Passes,
    private readonly share = 1,
    private readonly onPass: () => void = () => {},
  ) {}

  /** The parameters. */
  get space(): ParameterSpace {
    return this.objective.space;
  }

  /** L at a point; default the parameters. */
  async loss(at?: Vector): Promise<number> {
    if (!at && this.lossAtParameters !== undefined) return this.lossAtParameters;
    const loss = finite(await this.objective.loss(at), at);
    this.count('losses');
    if (!at) this.lossAtParameters = loss;
    return loss;
  }

  /** L at a point; leaves ∇L in `space.gradient`. */
  async gradient(at?: Vector): Promise<number> {
    if (!at && this.holdsGradient && this.lossAtParameters !== undefined) return this.lossAtParameters;
    this.holdsGradient = false;
    const loss = finite(await this.objective.gradient(at), at);
    this.count('gradients');
    this.holdsGradient = !at;
    if (!at) this.lossAtParameters ??= loss;
    return loss;
  }

  /** Whether the objective computes Hessian-vector products itself. */
  get hasProducts(): boolean {
    return this.objective.hessianVectorProduct !== undefined;
  }

  /** out ← ∇²L·v at the parameters. */
  async hessianVectorProduct(v: Vector, out: Vector): Promise<void> {
    await this.objective.hessianVectorProduct!(v, out);
    this.count('products');
  }

  /** Each batch of a number of samples, or this process's of them where several share the data, counted here as all of the data. */
  batches(size: number): { evaluations: Evaluations; samples: number }[] {
    if (!this.objective.batches)
      throw new FlatminError('INVALID_ARGUMENT', 'This objective has no batches: m-sharpness needs them.');
    this.holdsGradient = false;
    const batches = this.objective.batches(size);
    const all = batches.reduce((sum, { samples }) => sum + samples, 0);
    return batches.map((batch) => ({
      evaluations: new Evaluations(batch, this.passes, batch.samples / all, this.onPass),
      samples: batch.samples,
    }));
  }

  /** Each number summed over the processes that share the data. */
  async sumsOverRanks(...numbers: number[]): Promise<number[]> {
    return (await this.objective.sumsOverRanks?.(numbers)) ?? numbers;
  }

  private count(kind: keyof Passes): void {
    this.passes[kind] += this.share;
    this.onPass();
  }
}

function finite(loss: number, at: Vector | undefined): number {
  if (Number.isFinite(loss)) return loss;
  throw new FlatminError(
    'NOT_FINITE',
    at
      ? `The loss is ${loss} at a point near the parameters: choose a smaller rho.`
      : `The loss is ${loss} at the parameters: the model is not one to measure.`,
  );
}
