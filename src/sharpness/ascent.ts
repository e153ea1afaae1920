import type { Ball } from './ball.js';
import { type Context, figureOf, measureKind } from './declare.js';

/** What `ascent` finds. */
export interface AscentResult {
  /** L(w + ε) − L(w) */
  value: number;
}

/**
 * L(w + ε) − L(w) with ε = ρ∇L/‖∇L‖ ("1st-Order Magic", Eq. 4; the maximum of the first-order model, Foret et al. 2021, Eq. 2).
 * In an adaptive ball ε = ρT²∇L/‖T∇L‖ (Kwon et al. 2021, Eq. 5). One gradient and one loss.
 */
export async function ascent(ball: Ball): Promise<AscentResult> {
  ball.center();
  const loss = await ball.gradient();
  await ball.ascend(ball.radius);
  return { value: (await ball.loss()) - loss };
}

const declared = { options: {}, value: figureOf, how: () => '1 step' };

export const ascentMeasure = measureKind({
  ...declared,
  name: 'ascent',
  run: ({ plain }: Context) => ascent(plain),
});
export const adaptiveAscentMeasure = measureKind({
  ...declared,
  name: 'adaptive-ascent',
  isAdaptive: true,
  run: ({ adaptive }: Context) => ascent(adaptive),
});
