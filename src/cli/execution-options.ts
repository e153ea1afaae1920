import { openRuntime, type Runtime, runtimeOption } from '../ort/library.js';
import { executionOptions } from '../run/execution.js';
import type { GivenOf } from './command-options.js';

const { threads, workers, device, cudaGraphs } = executionOptions;

/** How train and bench use the machine. */
export const executionFlags = { threads, workers, device, runtime: runtimeOption, cudaGraphs };

type Flags = GivenOf<{ readonly all: typeof executionFlags }>;

/** What the library is told of it. @throws FlatminError RUNTIME where the library cannot be loaded */
export function chosenExecution({ threads, workers, device, runtime, cudaGraphs }: Flags) {
  const opened: Runtime | undefined = runtime === undefined ? undefined : openRuntime(runtime, device);
  return { threads, workers, device, runtime: opened, cudaGraphs };
}
