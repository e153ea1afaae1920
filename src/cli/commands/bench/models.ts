import type { Command } from 'commander';
import { benchModels } from '../../../bench/models/models.js';
import { modelsOptions } from '../../../bench/models/options.js';
import { openRuntime, runtimeOption } from '../../../ort/library.js';
import { addOptions, given } from '../../command-options.js';
import { fetchedModel } from '../../fetched.js';
import { interruptible } from '../../interruption.js';
import { dimFlag } from '../../model-view-options.js';
import { printResult, say } from '../../streams.js';
import { modelsText } from './models-text.js';
import { reportFlags } from './options.js';

const { zoo, torch, models, batch, optimizers, precisions, modes, rounds, steps, warmup, python, threads } =
  modelsOptions;
const OPTIONS = {
  Models: { zoo, torch, models, batch, dim: dimFlag },
  Measurement: { optimizers, precisions, rounds, steps, warmup, ...reportFlags },
  Comparison: { modes, python },
  Execution: { threads, runtime: runtimeOption },
};

export function addBenchModels(bench: Command): void {
  const command = bench
    .command('models')
    .description(
      'Time training steps of any models in flatmin and in PyTorch. A batch is the .npz beside a model: arrays named as its inputs, and labels or targets.',
    )
    .summary('Time training steps of any models in flatmin and in PyTorch.')
    .argument('[paths...]', '.onnx files, folders of them, or hf:OWNER/NAME');
  addOptions(command, OPTIONS);
  command.action((paths: string[]) => run(paths, command));
}

async function run(paths: readonly string[], command: Command): Promise<void> {
  const { dim: dims, runtime, json, quiet, ...options } = given(command, OPTIONS);
  const models: string[] = [];
  for (const path of paths) models.push(await fetchedModel(path, quiet));
  const report = await interruptible((signal) =>
    benchModels(models, {
      ...{ ...options, dims, signal },
      runtime: runtime === undefined ? undefined : openRuntime(runtime),
      onProgress: quiet ? undefined : say,
    }),
  );
  printResult(report, json, modelsText);
}
