import { crossEntropy } from '../losses/cross-entropy.js';
import type { Loss } from '../losses/loss.js';
import { standard, training } from '../lowering/targets.js';
import { openModel } from '../models/open.js';
import { defaultIrVersion } from '../onnx/builder.js';
import { int64, type ModelProto, type StringEntry } from '../onnx/proto.js';
import { checked, type Given, option } from '../options/option.js';
import { choice, count, imageShape } from '../options/values.js';
import { openRuntime, type Runtime } from '../ort/library.js';
import { type BuiltGraph, buildGraph } from './build-graph.js';

export const EXPORT_FORMS = {
  standard,
  // The new statistics are outputs of the graph: no kernel writes them over the old ones, which need no copies (lowering/alias.ts).
  training: { ...training, rewrites: {} },
};
/** The operators that an exported training graph is made of: see `ExportOptions.form`. */
export type ExportForm = keyof typeof EXPORT_FORMS;

export const exportOptions = {
  /** 'standard' operators alone, or the 'training' operators of ONNX Runtime where there is one. Default 'standard'. */
  form: option(choice(Object.keys(EXPORT_FORMS) as [ExportForm, ...ExportForm[]]), {
    symbol: 'form',
    help: "standard ops alone, or ONNX Runtime's training ops where there is one",
    default: 'standard',
  }),
  /** Samples in a batch; the graph is for this size alone. Default 128. */
  batch: option(count, { symbol: 'n', help: 'samples in a step', default: 128 }),
  /** Of a model that is named: channels × height × width; default 3 × 32 × 32. */
  inputShape: option(imageShape, {
    symbol: 'shape',
    help: 'CHANNELSxHEIGHTxWIDTH of the images',
    default: [3, 32, 32],
    byDefault: '3x32x32',
  }),
  /** Of a model that is named; default 10. */
  classes: option(count, { symbol: 'n', help: 'classes', default: 10 }),
  /** Of a WideResNet that is named; default 'conv'. */
  shortcut: option(choice(['conv', 'pad']), { symbol: 'kind', help: 'of a WideResNet', default: 'conv' }),
};

/** What is exported, and for which batch. */
export interface ExportOptions extends Given<typeof exportOptions> {
  /** A forward model with its weights as initializers, a name that openModel knows (also 'hf:OWNER/NAME'), or the path of an .onnx file. */
  model: ModelProto | string;
  /** Default cross-entropy. */
  loss?: Loss;
  /** Infers shapes; default the ONNX Runtime that npm installed. */
  runtime?: Runtime;
}

/**
 * The training graph of a model, as a model for other tools to read: no weights inside, the same bytes for the same arguments.
 * Inputs: data, labels or targets, parameters, running statistics. Outputs: the scalar loss, its gradient by every parameter,
 * the new running statistics. `metadata_props` says which output belongs to which input.
 * @throws FlatminError INVALID_ARGUMENT, INVALID_MODEL, NO_GRADIENT
 */
export async function exportTrainingGraph(options: ExportOptions): Promise<ModelProto> {
  const { loss = crossEntropy(), runtime = openRuntime() } = options;
  const { form, batch } = checked(exportOptions, options);
  const model = await forwardModel(options);
  const built = await buildGraph(runtime, model, { loss, batch, target: EXPORT_FORMS[form] });
  const inputs = new Map(built.model.graph.input.map((info) => [info.name, info]));
  const ordered = [...built.dataInputs, ...built.parameters, ...built.movedStatistics].map(
    ({ name }) => name,
  );
  const what = { model: model.graph.name || 'model', form, batch: String(batch), loss: loss.name };
  return {
    ...built.model,
    irVersion: Math.max(defaultIrVersion, int64(model.irVersion)),
    docString: describe(built, what),
    metadataProps: metadata(built, what),
    graph: {
      ...built.model.graph,
      name: `${what.model}-batch${batch}-${form}`,
      input: [...new Set([...ordered, ...inputs.keys()])].map((input) => inputs.get(input)!),
    },
  };
}

async function forwardModel(options: ExportOptions): Promise<ModelProto> {
  const { model } = options;
  const { classes, inputShape, shortcut } = checked(exportOptions, options);
  return typeof model === 'string' ? openModel(model, { classes, inputShape, shortcut }) : model;
}

type Exported = Readonly<Record<'model' | 'form' | 'batch' | 'loss', string>>;

function describe(built: BuiltGraph, { model, form, batch, loss }: Exported): string {
  const data = built.dataInputs.map(({ name }) => name).join(', ');
  return [
    `One training pass of ${model} with the loss ${loss} for batches of ${batch}: the loss and its gradients.`,
    form === 'standard'
      ? 'Operators: those of the ONNX standard alone.'
      : 'Operators: those of ONNX Runtime built with training; other runtimes lack some of them.',
    `Inputs: the batch (${data}), then ${built.parameters.length} parameters, then ${built.movedStatistics.length} running statistics. No weight is inside.`,
    `Outputs: the scalar loss (${built.loss}), the gradient of the loss by each parameter, the new value of each running statistic.`,
    ...built.notes,
    'The metadata "gradients" and "statistics" are JSON objects from the name of an input to the name of its output.',
  ].join('\n');
}

function metadata(built: BuiltGraph, exported: Exported): StringEntry[] {
  const outputs = (weights: BuiltGraph['parameters']) =>
    JSON.stringify(Object.fromEntries(weights.map(({ name, output }) => [name, output])));
  return Object.entries({
    ...exported,
    'loss.output': built.loss,
    targets: built.lossInputs[0]?.name ?? '',
    gradients: outputs(built.parameters),
    statistics: outputs(built.movedStatistics),
  }).map(([key, value]) => ({ key, value }));
}
