import type { Command, Option } from 'commander';
import { openRuntime, type Runtime } from '../ort/library.js';
import { option, toNumber } from './option-values.js';

export const threadsOption = (): Option =>
  option('Execution', '--threads <n>', 'threads of the kernels', { parse: toNumber, byDefault: 'all cores' });

export const deviceOption = (): Option =>
  option('Execution', '--device <name>', 'cpu, cuda or cuda:<i>', { byDefault: 'cpu' });

export const runtimeOption = (): Option =>
  option(
    'Execution',
    '--runtime <choice>',
    'stock, training (see flatmin runtime), or the path of a libonnxruntime',
    {
      byDefault: 'FLATMIN_RUNTIME, else training where it is installed',
    },
  );

const cudaGraphsOption = (): Option =>
  option(
    'Execution',
    '--cuda-graphs',
    'capture each training graph once and play it again (not yet tried on a card)',
  );

/** How train and bench use the machine. */
export const executionOptions = (): Option[] => [
  threadsOption(),
  option('Execution', '--workers <n>', 'threads that prepare batches; 0 for none', {
    parse: toNumber,
    byDefault: 1,
  }),
  deviceOption(),
  runtimeOption(),
  cudaGraphsOption(),
];

export interface ExecutionChoice {
  device?: string;
  threads?: number;
  workers?: number;
  runtime?: Runtime;
  cudaGraphs?: boolean;
}

/** @throws FlatminError RUNTIME where the library cannot be loaded */
export function chosenExecution(command: Command): ExecutionChoice {
  const { device, threads, workers, runtime, cudaGraphs } = command.opts();
  return {
    device,
    threads,
    workers,
    cudaGraphs,
    ...(runtime !== undefined && { runtime: openRuntime(runtime, device) }),
  };
}
