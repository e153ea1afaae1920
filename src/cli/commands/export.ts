import type { Command } from 'commander';
import { EXPORT_FORMS, exportTrainingGraph } from '../../compile/export.js';
import { crossEntropy } from '../../losses/cross-entropy.js';
import { meanSquaredError } from '../../losses/regression.js';
import { writeModel } from '../../onnx/model.js';
import { option, requireOptions, toNumber, toShape } from '../option-values.js';
import { say } from '../streams.js';

const LOSSES = ['cross-entropy', 'mse'];

const exportOptions = () => [
  option('Graph', '--model <name>', 'wrn-DEPTH-WIDTH, small-cnn, mlp, mlp-H1-H2, or FILE.onnx'),
  option('Graph', '--form <form>', "standard ops alone, or ONNX Runtime's training ops where there is one", {
    choices: Object.keys(EXPORT_FORMS),
    byDefault: 'standard',
  }),
  option('Graph', '--batch <n>', 'samples in a step', { parse: toNumber, byDefault: 128 }),
  option('Graph', '--loss <name>', 'what ends the graph', { choices: LOSSES, byDefault: LOSSES[0] }),
  option('Graph', '--label-smoothing <s>', 'of cross-entropy, in [0, 1)', { parse: toNumber, byDefault: 0 }),
  option('Graph', '--input <shape>', 'CHANNELSxHEIGHTxWIDTH of the images', {
    parse: toShape,
    byDefault: '3x32x32',
  }),
  option('Graph', '--classes <n>', 'classes', { parse: toNumber, byDefault: 10 }),
  option('Graph', '--shortcut <kind>', 'of a WideResNet', { choices: ['conv', 'pad'], byDefault: 'conv' }),
  option('Graph', '--out <file>', 'the .onnx file'),
];

export function addExport(program: Command): void {
  const command = program
    .command('export')
    .description('Write the training graph of a model, without its weights, as ONNX.');
  for (const each of exportOptions()) command.addOption(each);
  command.action(async () => {
    requireOptions(command, '--model', '--out');
    const { loss, labelSmoothing, input, out, ...options } = command.opts();
    const graph = await exportTrainingGraph({
      ...(options as { model: string }),
      ...(input !== undefined && { inputShape: input }),
      loss: loss === 'mse' ? meanSquaredError() : crossEntropy({ labelSmoothing }),
    });
    await writeModel(graph, out);
    const { node, input: inputs, output } = graph.graph;
    say(`${out}: ${node.length} nodes, ${inputs.length} inputs, ${output.length} outputs.`);
  });
}
