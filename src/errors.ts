/** Every failure a caller can mend: bad input, bad file, bad option. `code` is stable, the message is for people. */
export class FlatminError extends Error {
  constructor(
    /** What it is, for programs. */
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(abridged(message), options);
    this.name = 'FlatminError';
  }
}

/** Characters of a message. It may hold what a file says: a cell of megabytes, the names of all columns. */
const LONGEST = 8000;
/** Of them, those of its end, which says how to mend it. */
const ENDING = 2000;

/** A message without its middle, where it is too long to be read. */
function abridged(message: string): string {
  if (message.length <= LONGEST) return message;
  const start = message.slice(0, LONGEST - ENDING);
  return `${start} … (${message.length - LONGEST} characters are left out) … ${message.slice(-ENDING)}`;
}

/**
 * What a failure is, for programs:
 * - INVALID_ARGUMENT: an argument, option or setting, which the message names
 * - INVALID_MODEL: a model that is damaged, or does not fit what is asked of it
 * - INVALID_DATA: a file or array of data that is damaged, or does not fit
 * - NO_GRADIENT: an operator between the parameters and the loss that has no gradient
 * - RUNTIME: ONNX Runtime, a GPU, a worker thread or a child process failed
 * - NOT_FINITE: a loss, gradient or weight is NaN or infinite
 * - IN_USE: another process holds the folder
 * - NOT_FOUND: a file, folder or library is not there
 * - NETWORK: a download failed
 * - INTERRUPTED: it was stopped before its end
 * - OUT_OF_MEMORY: the device has too little memory
 */
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

const told = (value: unknown): string =>
  Array.isArray(value)
    ? `[${value.map(shown).join(', ')}] of type array`
    : `${shown(value)} of type ${typeof value}`;

/** Any value: one out of a file may have a member in place of the function that makes it a text. */
function shown(value: unknown): string {
  try {
    const text = String(value);
    return typeof value === 'string' || text === '[object Object]' ? JSON.stringify(value) : text;
  } catch {
    return JSON.stringify(value);
  }
}

/**
 * Does what allocates memory.
 * @param what it is for, at the beginning of a sentence
 * @throws FlatminError OUT_OF_MEMORY where that is more than there can be
 */
export function allocating<T>(what: string, bytes: number, allocate: () => T): T {
  try {
    return allocate();
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const size = `${(bytes / 2 ** 30).toPrecision(3)} GiB`;
    throw new FlatminError('OUT_OF_MEMORY', `${what} needs ${size}, more than can be held in memory here.`, {
      cause,
    });
  }
}

/** An error of the file system that names the file, as those of an open file do not ("ENOSPC: no space left on device, write"). */
export function withPath(error: unknown, path: string): unknown {
  if (!(error instanceof Error && 'syscall' in error) || 'path' in error) return error;
  return Object.assign(error, { path, message: `${error.message} '${path}'` });
}
