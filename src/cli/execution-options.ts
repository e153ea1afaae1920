import type { Command, Option } from 'commander';
import { openRuntime, type Runtime } from '../runtime/library.js';
import { option, toNumber } from './option-values.js';

export const threadsOption = (): Option =>
  option('Execution', '--threads <n>', 'threads of the kernels', { parse: toNumber, byDefault: 'all cores' });

export const runtimeOption = (): Option =>
  option('Execution', '--runtime <path>', 'a libonnxruntime', { byDefault: 'that of onnxruntime-node' });

/** How train and bench use the machine. */
export const executionOptions = (): Option[] => [
  threadsOption(),
  option('Execution', '--workers <n>', 'threads that prepare batches; 0 for none', {
    parse: toNumber,
    byDefault: 1,
  }),
  runtimeOption(),
];

export interface ExecutionChoice {
  threads?: number;
  workers?: number;
  runtime?: Runtime;
}

/** @throws FlatminError RUNTIME where the library cannot be loaded */
export function chosenExecution(command: Command): ExecutionChoice {
  const { threads, workers, runtime } = command.opts();
  return { threads, workers, ...(runtime !== undefined && { runtime: openRuntime(runtime) }) };
}
