/** Does `work` on an open file. @throws what it throws, with the file's path, which Node leaves out */
export function named<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw withPath(error, path);
  }
}

/** The same of a system's error that has been caught. */
export function withPath(error: unknown, path: string): unknown {
  if (error instanceof Error && 'syscall' in error && !('path' in error))
    Object.assign(error, { path, message: `${error.message} '${path}'` });
  return error;
}
