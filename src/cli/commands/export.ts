import type { Command } from 'commander';
import { exportOptions, exportTrainingGraph } from '../../compile/export.js';
import { crossEntropy, crossEntropyOptions } from '../../losses/cross-entropy.js';
import { meanSquaredError } from '../../losses/regression.js';
import { writeModel } from '../../onnx/model.js';
import { option } from '../../options/option.js';
import { choice, text } from '../../options/values.js';
import { addOptions, given, required } from '../command-options.js';
import { addExamples } from '../examples.js';
import { fetchedModel } from '../fetched.js';
import { toShape } from '../option-values.js';
import { readBy } from '../schema-option.js';
import { say } from '../streams.js';

const { form, batch, inputShape, classes, shortcut } = exportOptions;

const OPTIONS = {
  Graph: {
    model: option(text, {
      symbol: 'name',
      help: 'wrn-DEPTH-WIDTH, small-cnn, mlp, mlp-H1-H2, FILE.onnx, or hf:OWNER/NAME',
    }),
    form,
    batch,
    loss: option(choice(['cross-entropy', 'mse']), {
      symbol: 'name',
      help: 'what ends the graph',
      default: 'cross-entropy',
    }),
    labelSmoothing: crossEntropyOptions.labelSmoothing,
    input: readBy(inputShape, toShape),
    classes,
    shortcut,
    out: option(text, { symbol: 'file', help: 'the .onnx file' }),
  },
};

export function addExport(program: Command): void {
  const command = program
    .command('export')
    .description('Write the training graph of a model, without its weights, as ONNX.');
  addOptions(command, OPTIONS);
  addExamples(command, 'flatmin export --model wrn-28-10 --batch 128 --out graph.onnx');
  command.action(async () => {
    const { loss, labelSmoothing, input, out, ...options } = required(
      command,
      given(command, OPTIONS),
      'model',
      'out',
    );
    const graph = await exportTrainingGraph({
      ...options,
      model: await fetchedModel(options.model),
      inputShape: input,
      loss: loss === 'mse' ? meanSquaredError() : crossEntropy({ labelSmoothing }),
    });
    await writeModel(graph, out);
    const { node, input: inputs, output } = graph.graph;
    say(`${out}: ${node.length} nodes, ${inputs.length} inputs, ${output.length} outputs.`);
  });
}
