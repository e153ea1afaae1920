import type { PreparedModel } from '../autodiff/prepare/prepare.js';
import { DataType, dataTypeName } from '../onnx/tensors/tensor.js';

const nameOf = (type: number): string => (type === DataType.double ? 'float64' : dataTypeName(type));
const list = (types: Iterable<number>): string => [...new Set(types)].map(nameOf).join(' and ');

/**
 * What becomes of floating-point values that are not float32 in the file, in one sentence; undefined where there are none.
 * @param weights names of parameters and running statistics
 */
export function describeOwnTypes(
  { ownTypes, otherTypes }: Pick<PreparedModel, 'ownTypes' | 'otherTypes'>,
  weights: readonly string[],
): string | undefined {
  if (otherTypes.size === 0) return undefined;
  const own = weights.flatMap((name) => ownTypes.get(name) ?? []);
  if (own.length === 0) return `Values that are ${list(otherTypes)} in the file are computed in float32.`;
  const which = own.length === weights.length ? 'Weights' : `${own.length} of ${weights.length} weights`;
  const saved = `${which} are ${list(own)}: trained as float32, saved as ${new Set(own).size === 1 ? list(own) : 'they were'}`;
  const batches = 'batches and everything computed are float32';
  return `${saved}; ${batches}.`;
}
