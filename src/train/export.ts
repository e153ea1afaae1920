import type { Loss } from '../losses/loss.js';
import { standard, type Target, training } from '../lowering/targets.js';
import { defaultIrVersion } from '../onnx/builder.js';
import { int64, type ModelProto, type StringEntry } from '../onnx/proto.js';
import { openRuntime, type Runtime } from '../runtime/library.js';
import { type BuiltGraph, buildGraph } from './build-graph.js';

/** 'standard': ONNX operators alone. 'training': with the operators of ONNX Runtime's training build (domain com.microsoft). */
export type ExportForm = 'standard' | 'training';

export interface ExportOptions {
  /** A forward model with its weights as initializers. */
  model: ModelProto;
  form: ExportForm;
  /** Samples in a batch; the graph is for this size alone. */
  batch: number;
  loss: Loss;
  /** Infers the shapes; default: the ONNX Runtime that npm installed. */
  runtime?: Runtime;
}

const targets: Readonly<Record<ExportForm, Target>> = { standard, training };

/**
 * The training graph of a model, as a model for other tools to read: no weights inside, the same bytes for the same arguments.
 * Inputs: data, labels or targets, parameters, running statistics. Outputs: the scalar loss, its gradient by every parameter,
 * the new running statistics. `metadata_props` says which output belongs to which input.
 * @throws FlatminError when the model is invalid, the batch is no positive integer or an op has no gradient
 */
export async function exportTrainingGraph(options: ExportOptions): Promise<ModelProto> {
  const { model, form, batch, loss, runtime = openRuntime() } = options;
  const built = await buildGraph(runtime, model, { loss, batch, target: targets[form] });
  const inputs = new Map(built.model.graph.input.map((info) => [info.name, info]));
  const ordered = [...built.dataInputs, ...built.parameters, ...built.statistics].map(({ name }) => name);
  const name = `${model.graph.name || 'model'}-batch${batch}-${form}`;
  return {
    ...built.model,
    irVersion: Math.max(defaultIrVersion, int64(model.irVersion)),
    docString: describe(built, options),
    metadataProps: metadata(built, options),
    graph: {
      ...built.model.graph,
      name,
      input: [...new Set([...ordered, ...inputs.keys()])].map((input) => inputs.get(input)!),
    },
  };
}

function describe(built: BuiltGraph, { model, form, batch, loss }: ExportOptions): string {
  const data = built.dataInputs.map(({ name }) => name).join(', ');
  return [
    `One training pass of ${model.graph.name || 'a model'} with the loss ${loss.name} for batches of ${batch}: the loss and its gradients.`,
    form === 'standard'
      ? 'Operators: those of the ONNX standard alone.'
      : 'Operators: those of ONNX Runtime built with training; other runtimes lack some of them.',
    `Inputs: the batch (${data}), then ${built.parameters.length} parameters, then ${built.statistics.length} running statistics. No weight is inside.`,
    `Outputs: the scalar loss (${built.loss}), the gradient of the loss by each parameter, the new value of each running statistic.`,
    'The metadata "gradients" and "statistics" are JSON objects from the name of an input to the name of its output.',
  ].join('\n');
}

function metadata(built: BuiltGraph, { model, form, batch, loss }: ExportOptions): StringEntry[] {
  const outputs = (weights: BuiltGraph['parameters']) =>
    JSON.stringify(Object.fromEntries(weights.map(({ name, output }) => [name, output])));
  return Object.entries({
    model: model.graph.name ?? '',
    form,
    batch: String(batch),
    loss: loss.name,
    'loss.output': built.loss,
    targets: built.targets,
    gradients: outputs(built.parameters),
    statistics: outputs(built.statistics),
  }).map(([key, value]) => ({ key, value }));
}
