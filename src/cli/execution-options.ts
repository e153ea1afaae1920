import { openRuntime, type Runtime, runtimeOption } from '../ort/library.js';
import { executionOptions } from '../run/execution.js';
import type { GivenOf } from './command-options.js';
import { toBytes } from './option-values.js';
import { readBy } from './schema-option.js';

const { threads, workers, device, memory: memoryBytes, cudaGraphs } = executionOptions;
const memory = readBy(memoryBytes, toBytes);

/** How train and bench use the machine. */
export const executionFlags = { threads, workers, device, memory, runtime: runtimeOption, cudaGraphs };

type Flags = GivenOf<{ readonly all: typeof executionFlags }>;

/** What the library is told of it. @throws FlatminError RUNTIME where the library cannot be loaded */
export function chosenExecution({ threads, workers, device, memory, runtime, cudaGraphs }: Flags) {
  const opened: Runtime | undefined = runtime === undefined ? undefined : openRuntime(runtime, device);
  return { threads, workers, device, memory, runtime: opened, cudaGraphs };
}
