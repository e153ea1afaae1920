/** Every failure a caller can mend: bad input, bad file, bad option. `code` is stable, the message is for people. */
export class FlatminError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'FlatminError';
  }
}

export type ErrorCode =
  | 'INVALID_ARGUMENT'
  | 'INVALID_MODEL'
  | 'INVALID_DATA'
  | 'NO_GRADIENT'
  | 'RUNTIME'
  | 'NOT_FINITE'
  | 'IN_USE'
  | 'NOT_FOUND'
  | 'NETWORK'
  | 'INTERRUPTED'
  | 'OUT_OF_MEMORY';

/** "Expected lr to be a positive number, but received -1 of type number." */
export const invalid = (name: string, expected: string, received: unknown): FlatminError =>
  new FlatminError('INVALID_ARGUMENT', `Expected ${name} to be ${expected}, but received ${told(received)}.`);

function told(value: unknown): string {
  if (Array.isArray(value)) return `[${value.join(', ')}] of type array`;
  return `${typeof value === 'string' ? JSON.stringify(value) : String(value)} of type ${typeof value}`;
}
