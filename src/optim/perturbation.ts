import { invalid } from '../errors.js';
import type { ParameterSpace, Stretch, Vector } from '../runtime/parameter-space.js';
import { assign, scalar, sumOfSquares, type Term, vector } from '../runtime/vector/expression.js';
import { program, type VectorProgram } from '../runtime/vector/program.js';

const [w, g, saved] = [vector('w'), vector('g'), vector('saved')];
const [scale, lambda, eta] = [scalar('scale'), scalar('ascentDecay'), scalar('eta')];

/** T = |w| + η (Kwon et al. 2021, ASAM: the element-wise operator). */
const T = w.magnitude.plus(eta);

/** The programs of an ascent step along a direction d: its norm, and the step itself with and without keeping w. */
interface Ascent {
  readonly norm: VectorProgram;
  readonly first: VectorProgram;
  readonly next: VectorProgram;
}

const ascent = (normed: Term, direction: Term): Ascent => ({
  norm: program(sumOfSquares(normed)),
  first: program(assign(saved, w), assign(w, w.plus(scale.times(direction)))),
  next: program(assign(w, w.plus(scale.times(direction)))),
});

const decayed = g.plus(lambda.times(w));

/** ε = ρ d/‖d‖ for d = g or g + λw; adaptive: ε = ρ T²d/‖Td‖. */
const ascents = {
  plain: ascent(g, g),
  decayed: ascent(decayed, decayed),
  adaptive: ascent(T.times(g), T.times(T).times(g)),
  adaptiveDecayed: ascent(T.times(decayed), T.times(T).times(decayed)),
  /** Random directions are scaled once: ε = ρ Tz/‖Tz‖. */
  adaptiveRandom: ascent(T.times(g), T.times(g)),
};

// w ← saved
const restore = program(assign(w, saved));
// ‖w − saved‖²
const distance = program(sumOfSquares(w.minus(saved)));
// w ← saved + scale·(w − saved)
const project = program(assign(w, saved.plus(scale.times(w.minus(saved)))));

export type AscentKind = keyof typeof ascents;

export interface AdaptiveOptions {
  /** η in T = |w| + η, default 0.01. */
  eta?: number;
}

export const adaptiveEta = (adaptive: boolean | AdaptiveOptions): number => {
  const eta = typeof adaptive === 'object' ? (adaptive.eta ?? 0.01) : 0.01;
  if (!(eta >= 0)) throw invalid('adaptive.eta', 'a number ≥ 0', eta);
  return eta;
};

/** Leaves the clean parameters, comes back to them exactly. One per step. */
export class Perturbation {
  private moved = false;

  constructor(
    private readonly space: ParameterSpace,
    /** Holds the clean parameters while they are perturbed. */
    private readonly saved: Vector,
    private readonly kind: AscentKind,
    private readonly constants: { eta: number; ascentDecay: (stretch: Stretch) => number },
  ) {}

  /**
   * w ← w + share·ρ·d/‖d‖ along the direction in `space.gradient`. A zero or non-finite direction moves nothing.
   * @param rho radius of each stretch of parameters
   * @param share part of the radius that this step takes
   */
  async ascend(rho: (stretch: Stretch) => number, share: number): Promise<void> {
    const { norm, first, next } = ascents[this.kind];
    const vectors = { w: this.space.parameters, g: this.space.gradient, saved: this.saved };
    const constants = (stretch: Stretch) => ({
      eta: this.constants.eta,
      ascentDecay: this.constants.ascentDecay(stretch),
    });
    const [squares] = await this.space.run(norm, vectors, constants);
    const length = Math.sqrt(squares!);
    if (!(length > 0 && Number.isFinite(length))) return;
    await this.space.run(this.moved ? next : first, vectors, (stretch) => ({
      ...constants(stretch),
      scale: (share * rho(stretch)) / length,
    }));
    this.moved = true;
  }

  /** Brings w back into the ball of radius ρ around the clean parameters. */
  async project(rho: number): Promise<void> {
    if (!this.moved) return;
    const vectors = { w: this.space.parameters, saved: this.saved };
    const [squares] = await this.space.run(distance, vectors);
    const length = Math.sqrt(squares!);
    if (length > rho) await this.space.run(project, vectors, () => ({ scale: rho / length }));
  }

  /** w ← the saved parameters, bit for bit. */
  async restore(): Promise<void> {
    if (this.moved) await this.space.run(restore, { w: this.space.parameters, saved: this.saved });
    this.moved = false;
  }
}
