import { invalid } from '../errors.js';

/** Throws INVALID_ARGUMENT unless `value` is a safe integer of at least `least`. */
export function requireInteger(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw invalid(name, least === 1 ? 'a positive integer' : `an integer of at least ${least}`, value);
}
