import { numberOr } from '../read/json.js';
import type { StepRecord } from '../read/metrics.js';
import type { Run } from '../read/run.js';

/**
 * Radius ρ at a recorded step by the run's settings `rho`, `rhoSchedule` and `rhoFinal` (linear and cosine over all steps, or in step
 * with the learning rate); null where the run has none or its number of steps is not known yet.
 */
export function radiusAt({ step, lr, rho: recorded }: StepRecord, { config, metrics }: Run): number | null {
  if (recorded !== null) return recorded;
  const rho = numberOr(config?.rho, undefined);
  if (rho === undefined) return null;
  const final = numberOr(config?.rhoFinal, 0);
  const share = shareAt(config?.rhoSchedule ?? 'constant');
  return share === null ? null : final + (rho - final) * share;

  function shareAt(schedule: unknown): number | null {
    const total = numberOr(config?.epochs, Number.NaN) * (metrics.stepsPerEpoch ?? Number.NaN);
    const done = Math.min(1, (step - 1) / total);
    const shares: Record<string, number | null> = {
      constant: 1,
      linear: 1 - done,
      cosine: (1 + Math.cos(Math.PI * done)) / 2,
      lr: lr === null ? null : lr / numberOr(config?.lr, Number.NaN),
    };
    return numberOr(shares[String(schedule)], null);
  }
}
