import type { Command } from 'commander';
import { parsePattern } from '../../autodiff/prepare/pattern.js';
import { FlatminError } from '../../errors.js';
import { readNpz } from '../../formats/npz.js';
import { writeSafetensors } from '../../formats/safetensors.js';
import { LOSS_NAMES, namedLoss } from '../../losses/named.js';
import * as targets from '../../lowering/targets.js';
import { openExecution } from '../../run/execution.js';
import { type FeedArray, gradients } from '../../session/gradients.js';
import { chosenExecution, deviceOption, runtimeOption, threadsOption } from '../execution-options.js';
import { choiceOptions, ctcOptions, viewOptions } from '../model-view-options.js';
import { option, requireOptions, toDims, toNumber } from '../option-values.js';
import { print, say } from '../streams.js';

const TARGETS = { flatmin: targets.flatmin, standard: targets.standard, training: targets.training };

const gradOptions = () => [
  option('Batch', '--inputs <file>', "an .npz with arrays named as the model's inputs"),
  option('Batch', '--dim <name=size>', 'size of an open dimension; may be repeated').argParser(toDims),
  option('Loss', '--loss <name>', 'what ends the model', { choices: LOSS_NAMES, byDefault: 'cross-entropy' }),
  ...viewOptions(),
  option('Loss', '--logits <name>', 'the same as --output'),
  option('Loss', '--target <array>', "the array for the loss's targets"),
  option('Loss', '--class-axis <n>', 'axis of the classes in the logits', {
    parse: toNumber,
    byDefault: 'the one that the labels lack, or 1',
  }),
  option('Loss', '--label-smoothing <s>', 'of cross-entropy, in [0, 1)', { parse: toNumber, byDefault: 0 }),
  option('Loss', '--ignore-index <label>', 'label of samples that do not count', { parse: toNumber }),
  ...ctcOptions(),
  option('Model', '--bn <mode>', 'normalise by the batch or by the running statistics', {
    choices: ['batch', 'running'],
    byDefault: 'batch for models exported in training form, else running',
  }),
  option('Model', '--dropout', 'let Dropout nodes drop', { byDefault: 'off' }),
  option('Model', '--seed <n>', 'of what Dropout drops', { parse: toNumber, byDefault: 0 }),
  ...choiceOptions(),
  option('Execution', '--form <form>', 'kernels that the graph is lowered to', {
    choices: Object.keys(TARGETS),
    byDefault: 'the fastest of each op',
  }),
  threadsOption(),
  deviceOption(),
  runtimeOption(),
  option('Result', '--out <file>', 'safetensors: one F32 tensor a parameter, `loss` in the metadata'),
];

export function addGrad(program: Command): void {
  const command = program
    .command('grad')
    .description("The loss of a model and every parameter's gradient, for one batch.")
    .argument('<model>', 'an .onnx file');
  for (const each of gradOptions()) command.addOption(each);
  command.action((model: string) => runGrad(model, command));
}

async function runGrad(model: string, command: Command): Promise<void> {
  requireOptions(command, '--inputs', '--out');
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
  } = command.opts();
  const arrays = await readNpz(inputs);
  const given = target === undefined ? undefined : arrays.get(target);
  if (name !== 'output' && !given) {
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
    ...(given && {
      targets: { dims: given.dims, floating: given.dtype === 'float' || given.dtype === 'double' },
    }),
  });
  const patterns = (list: string[] | undefined) => list?.map(parsePattern);
  const result = await gradients(model, feeds, {
    loss,
    ...(given && { targets: [given] }),
    dims: dim,
    output,
    outputAsIs: options.outputAsIs,
    constants: constant,
    batchNorm: options.bn,
    dropout: options.dropout,
    seed: options.seed,
    train: patterns(options.train),
    alsoTrain: patterns(options.trainAlso),
    freeze: patterns(options.freeze),
    target: options.form && TARGETS[options.form as keyof typeof TARGETS],
    ...openExecution(chosenExecution(command)),
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
