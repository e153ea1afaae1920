import { liveness } from '../onnx/liveness.js';
import type { BuiltGraph } from './build-graph.js';

/** Bytes of a training graph's computed values at the most, from their lifetimes. */
export const activationBytes = ({ model, types }: Pick<BuiltGraph, 'model' | 'types'>): number =>
  liveness(model.graph, types).peakBytes;
