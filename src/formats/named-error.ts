import { withPath } from '../errors.js';

/** Does `work` on an open file. @throws what it throws, with the file's path, which Node leaves out */
export function named<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw withPath(error, path);
  }
}
