import { FlatminError } from '../../errors.js';

/** @throws FlatminError NOT_FINITE naming the vector and the first value that is NaN, or infinite where that is not allowed */
export function checkedFinite(name: string, values: Float32Array, allowsInfinity = false): Float32Array {
  if (areFinite(values)) return values;
  const wrong = values.find((value) => !Number.isFinite(value) && !(allowsInfinity && !Number.isNaN(value)));
  if (wrong === undefined) return values;
  throw new FlatminError(
    'NOT_FINITE',
    `"${name}" holds ${wrong}: lower the learning rate or check the data.`,
  );
}

/** Whether no value is NaN or infinite. */
export function areFinite(values: Float32Array): boolean {
  const { length } = values;
  // Sums of float32 in float64 do not overflow. Four that do not wait for each other: a checkpoint checks all weights.
  let [a, b, c, d] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    a += values[i]!;
    b += values[i + 1]!;
    c += values[i + 2]!;
    d += values[i + 3]!;
  }
  for (; i < length; i++) a += values[i]!;
  return Number.isFinite(a + b + c + d);
}

export const asFloats = ({ buffer, byteOffset, byteLength }: Uint8Array): Float32Array =>
  new Float32Array(buffer, byteOffset, byteLength / Float32Array.BYTES_PER_ELEMENT);
