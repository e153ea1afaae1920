import type { PeerTiming } from '../torch/compare.js';
import type { ScalePoint } from './points.js';

export interface ScaleResult extends ScalePoint {
  readonly secondsPerStep: number | null;
  readonly imagesPerSecond: number | null;
  readonly peakRssBytes: number | null;
  readonly peakDeviceBytes: number | null;
  /** Images a second and thread, over those of the first point of the same model and optimizer. */
  readonly efficiency: number | null;
  /** Why there are no figures: too little memory, or a model that does not fit. */
  readonly failure?: string;
  /** PyTorch's modes, where they were asked for. */
  readonly torch?: readonly PeerTiming[];
}

export interface ScaleReport {
  /** Of all points. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly results: readonly ScaleResult[];
}
