import { createRequire } from 'node:module';
import { FlatminError } from '../errors.js';
import { packageFile } from '../package-file.js';
import type { NativeAddon } from './types.js';

const require = createRequire(import.meta.url);

function load(): NativeAddon {
  const file = packageFile('build/Release/flatmin.node');
  try {
    return require(file) as NativeAddon;
  } catch (cause) {
    throw new FlatminError(
      'RUNTIME',
      `The native addon cannot be loaded from ${file}: ${(cause as Error).message}\n` +
        'Build it with "npm rebuild flatmin" (in the repository: "npm run install"); that needs a C++20 compiler, make and Python 3.',
      { cause },
    );
  }
}

// The library in onnxruntime-node would keep telemetry files in the temporary folder of every process.
process.env.ORT_DISABLE_TELEMETRY ??= '1';

/** The addon. Only src/addon, src/vectors and src/ort use it. */
export const addon = load();
