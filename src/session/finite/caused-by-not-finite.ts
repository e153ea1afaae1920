import type { DeviceBuffer } from '../../addon/types.js';
import { FlatminError } from '../../errors.js';
import type { Vector } from '../../vectors/parameter-space.js';
import type { ModelWeights } from '../model-weights.js';
import { areFinite } from './checked-finite.js';

// Of a window without a number above the lowest, ONNX Runtime's MaxPool names no place, and MaxPoolGrad refuses that.
const noMaximum = /MaxPoolGrad: index value -\d+ /;

/**
 * Whether a run failed because of a NaN or an infinity among what it read: kernels that make positions of numbers may refuse the result,
 * where others would go on to a loss that is NaN.
 * @param batch buffers of float32 that the run read beside the weights
 */
export function causedByNotFinite(
  error: unknown,
  weights: ModelWeights,
  at: { readonly parameters: Vector; readonly statistics: Vector },
  batch: readonly DeviceBuffer[],
): boolean {
  if (!(error instanceof FlatminError && error.code === 'RUNTIME')) return false;
  if (noMaximum.test(error.message)) return true;
  if (weights.names.some((name) => !weights.cameInfinite.has(name) && !areFinite(weights.read(name, at))))
    return true;
  return batch.some((buffer) => {
    const values = new Float32Array(buffer.byteLength / 4);
    buffer.read(values);
    return !areFinite(values);
  });
}
