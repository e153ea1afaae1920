import type { PeerTiming } from '../torch/compare.js';
import type { ScalePoint } from './points.js';

/** What a point of a sweep takes; figures are null where it failed. */
export interface ScaleResult extends ScalePoint {
  /** The median. */
  readonly secondsPerStep: number | null;
  /** The batch over `secondsPerStep`. */
  readonly imagesPerSecond: number | null;
  /** The largest resident set of the process. */
  readonly peakRssBytes: number | null;
  /** Memory of the GPU that the session took, at its most; null on the CPU. */
  readonly peakDeviceBytes: number | null;
  /** Images a second and thread, over those of the first point of the same model and optimizer. */
  readonly efficiency: number | null;
  /** Why there are no figures: too little memory, or a model that does not fit. */
  readonly failure?: string;
  /** PyTorch's modes, where they were asked for. */
  readonly torch?: readonly PeerTiming[];
}

/** Training steps over a sweep. Plain JSON. */
export interface ScaleReport {
  /** Of all points. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** In the order of the sweep; batches change the fastest. */
  readonly results: readonly ScaleResult[];
}
