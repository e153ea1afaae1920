import type { Command } from 'commander';
import { addBenchKernels } from './bench/kernels.js';
import { addBenchMemory } from './bench/memory.js';
import { addBenchModels } from './bench/models.js';
import { addBenchScale } from './bench/scale.js';
import { addBenchStep } from './bench/step.js';

export function addBench(program: Command): void {
  const bench = program.command('bench').description('Measure on this machine.');
  for (const add of [addBenchStep, addBenchKernels, addBenchMemory, addBenchScale, addBenchModels])
    add(bench);
}
