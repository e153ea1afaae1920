/** "CPU, CUDA" of the names that ONNX Runtime has for them. */
export const shortProviders = (providers: readonly string[]): string =>
  providers.map((name) => name.replace(/ExecutionProvider$/, '')).join(', ');

export const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
