import { FlatminError } from '../errors.js';
import { openRuntime } from '../ort/library.js';
import { packageVersion } from '../package-file.js';

/** '0.1.0 (ONNX Runtime 1.30.0, stock)': flatmin's version, and that of the library that it takes by default. */
export const versionText = (): string => `${packageVersion()} (${runtimeText()})`;

function runtimeText(): string {
  try {
    const { version, kind } = openRuntime();
    return `ONNX Runtime ${version}, ${kind}`;
  } catch (error) {
    if (error instanceof FlatminError) return `no ONNX Runtime: ${error.message}`;
    throw error;
  }
}
