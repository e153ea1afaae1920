import type { Command } from 'commander';
import { parsePattern } from '../../autodiff/prepare/pattern.js';
import { FlatminError } from '../../errors.js';
import { readNpz } from '../../formats/npz.js';
import { writeSafetensors } from '../../formats/safetensors.js';
import { crossEntropyOptions } from '../../losses/cross-entropy.js';
import { LOSS_NAMES, namedLoss } from '../../losses/named.js';
import * as targets from '../../lowering/targets.js';
import { changed, option } from '../../options/option.js';
import { choice, text } from '../../options/values.js';
import { openExecution } from '../../run/execution.js';
import { type FeedArray, gradients } from '../../session/gradients.js';
import { sessionOptions } from '../../session/session-options.js';
import { addOptions, given, required } from '../command-options.js';
import { addExamples } from '../examples.js';
import { chosenExecution, executionFlags } from '../execution-options.js';
import { fetchedModel } from '../fetched.js';
import { choiceFlags, ctcFlags, dimFlag, statisticsFlag, viewFlags } from '../model-view-options.js';
import { print, say } from '../streams.js';

const TARGETS = { flatmin: targets.flatmin, standard: targets.standard, training: targets.training };

const { classAxis, labelSmoothing, ignoreIndex } = crossEntropyOptions;
const { dropout, seed } = sessionOptions;
const { threads, device, runtime } = executionFlags;

const OPTIONS = {
  Batch: {
    inputs: option(text, { symbol: 'file', help: "an .npz with arrays named as the model's inputs" }),
    dim: dimFlag,
  },
  Loss: {
    loss: option(choice(LOSS_NAMES), {
      symbol: 'name',
      help: 'what ends the model',
      default: 'cross-entropy',
    }),
    logits: option(text, { symbol: 'name', help: 'the same as --output' }),
    target: option(text, { symbol: 'array', help: "the array for the loss's targets" }),
    classAxis: changed(classAxis, {
      help: 'axis of the classes in the logits',
      byDefault: 'the one that the labels lack, or 1',
    }),
    labelSmoothing,
    ignoreIndex,
    ...ctcFlags,
  },
  Model: {
    ...viewFlags,
    bn: changed(statisticsFlag, {
      default: undefined,
      byDefault: 'batch for models exported in training form, else running',
    }),
    dropout: changed(dropout, { default: false }),
    seed: changed(seed, { help: 'of what Dropout drops' }),
    ...choiceFlags,
  },
  Execution: {
    form: option(choice(Object.keys(TARGETS) as [keyof typeof TARGETS, ...(keyof typeof TARGETS)[]]), {
      symbol: 'form',
      help: 'kernels that the graph is lowered to',
      byDefault: 'the fastest of each op',
    }),
    threads,
    device,
    runtime,
  },
  Result: {
    out: option(text, {
      symbol: 'file',
      help: 'safetensors: one F32 tensor a parameter, `loss` in the metadata',
    }),
  },
};

export function addGrad(program: Command): void {
  const command = program
    .command('grad')
    .description("The loss of a model and every parameter's gradient, for one batch.")
    .argument('<model>', 'an .onnx file, or hf:OWNER/NAME');
  addOptions(command, OPTIONS);
  addExamples(
    command,
    'flatmin grad model.onnx --inputs batch.npz --loss cross-entropy --target labels --out gradients.safetensors',
  );
  command.action((model: string) => runGrad(model, command));
}

async function runGrad(model: string, command: Command): Promise<void> {
  const {
    inputs,
    dim,
    loss: name = 'cross-entropy',
    logits,
    output = logits,
    constant,
    target,
    classAxis,
    out,
    ...options
  } = required(command, given(command, OPTIONS), 'inputs', 'out');
  const arrays = await readNpz(inputs);
  const wanted = target === undefined ? undefined : arrays.get(target);
  if (name !== 'output' && !wanted) {
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `The loss ${name} needs targets: name their array with --target; ${inputs} holds ${[...arrays.keys()].join(', ')}.`,
    );
  }
  const feeds: Record<string, FeedArray> = Object.fromEntries(arrays);
  const loss = namedLoss(name, {
    classAxis,
    labelSmoothing: options.labelSmoothing,
    ignoreIndex: options.ignoreIndex,
    ctc: { blank: options.blank, layout: options.scoresLayout, inputLengths: arrays.has('inputLengths') },
    ...(wanted && {
      targets: { dims: wanted.dims, floating: wanted.dtype === 'float' || wanted.dtype === 'double' },
    }),
  });
  const result = await gradients(await fetchedModel(model), feeds, {
    loss,
    ...(wanted && { targets: [wanted] }),
    dims: dim,
    output,
    outputAsIs: options.outputAsIs,
    constants: constant,
    batchNorm: options.bn,
    dropout: options.dropout,
    seed: options.seed,
    train: options.train?.map(parsePattern),
    alsoTrain: options.trainAlso?.map(parsePattern),
    freeze: options.freeze?.map(parsePattern),
    target: options.form && TARGETS[options.form],
    ...openExecution(chosenExecution(options)),
  });
  const tensors = [...result.gradients].map(([tensor, data]) => ({
    name: tensor,
    dtype: 'F32' as const,
    shape: result.dims.get(tensor)!,
    data,
  }));
  const splits = Object.fromEntries(result.splits);
  await writeSafetensors(out, tensors, {
    loss: String(result.loss),
    ...(result.splits.size > 0 && { splits: JSON.stringify(splits) }),
  });
  for (const note of result.notes) say(note);
  print(`loss ${result.loss}, ${tensors.length} gradients in ${out}`);
}
