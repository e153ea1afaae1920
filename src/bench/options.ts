import type { Execution } from '../run/execution.js';

/** What the measurements of training steps have in common. */
export interface BenchOptions extends Omit<Execution, 'model' | 'dataset'> {
  /** Steps timed; default 5. */
  steps?: number | undefined;
  /** Steps before these; default 2. */
  warmup?: number | undefined;
  /** Channels × height × width; default 3 × 32 × 32. */
  inputShape?: readonly [number, number, number] | undefined;
  /** Default 10. */
  classes?: number | undefined;
}
