import { FlatminError } from '../../errors.js';

/** What verify found out about a file. */
export interface Finding {
  readonly path: string;
  /** 'unchecked': a file that carries no digest, or none of flatmin's. */
  readonly state: 'whole' | 'damaged' | 'unchecked';
  /** What is wrong, or what else is to be known. */
  readonly message?: string;
}

/** What a check came to. @param check tells what else is to be known; throws FlatminError where the file is damaged */
export async function finding(path: string, check: () => Promise<unknown>): Promise<Finding> {
  try {
    const message = await check();
    return { path, state: 'whole', ...(typeof message === 'string' && { message }) };
  } catch (error) {
    if (!(error instanceof FlatminError)) throw error;
    return { path, state: 'damaged', message: error.message };
  }
}
