/** How ONNX Runtime and CUDA say that memory is short; the first group, where there is one, is the number of bytes asked for. */
const PATTERNS: readonly RegExp[] = [
  /Failed to allocate memory for requested buffer of size (\d+)/,
  /smaller than requested bytes of (\d+)/,
  /cannot allocate (\d+) bytes/,
  /CUDA failure 2: out of memory/,
  /CUDA_ERROR_OUT_OF_MEMORY/,
  /CU(?:DNN|BLAS)_STATUS_ALLOC_FAILED/,
  /std::bad_alloc/,
];

export interface Shortage {
  /** Bytes asked for; undefined where the message does not say. */
  readonly bytes: number | undefined;
}

/** What a message says of memory that could not be had; undefined where it is about something else. */
export function memoryShortage(message: string): Shortage | undefined {
  for (const pattern of PATTERNS) {
    const found = pattern.exec(message);
    if (found) return { bytes: found[1] === undefined ? undefined : Number(found[1]) };
  }
  return undefined;
}
