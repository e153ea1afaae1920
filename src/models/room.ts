import { totalmem } from 'node:os';
import { FlatminError } from '../errors.js';

/**
 * Refuses a model before any of it is made.
 * @param parameters how many it has at least
 * @throws FlatminError OUT_OF_MEMORY where its weights alone are larger than the machine's memory
 */
export function requireRoom(model: string, parameters: number): void {
  const bytes = Float32Array.BYTES_PER_ELEMENT * parameters;
  const memory = totalmem();
  if (bytes <= memory) return;
  const gibibytes = (size: number) => `${(size / 2 ** 30).toPrecision(3)} GiB`;
  throw new FlatminError(
    'OUT_OF_MEMORY',
    `${model} has ${parameters.toPrecision(3)} parameters: its weights are ${gibibytes(bytes)}, and this machine has ${gibibytes(memory)} of memory. Choose a smaller one.`,
  );
}
