import { FlatminError } from '../errors.js';

/** @throws FlatminError NOT_FINITE naming the vector and the first value that is NaN, or infinite where that is not allowed */
export function checkedFinite(name: string, values: Float32Array, allowsInfinity = false): Float32Array {
  const wrong = values.find((value) => !Number.isFinite(value) && !(allowsInfinity && !Number.isNaN(value)));
  if (wrong === undefined) return values;
  throw new FlatminError(
    'NOT_FINITE',
    `"${name}" holds ${wrong}: lower the learning rate or check the data.`,
  );
}
