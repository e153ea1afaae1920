import { FlatminError } from '../errors.js';
import { valueInfo } from '../onnx/builder.js';
import type { Graph, ModelProto, ValueInfo } from '../onnx/proto.js';
import { elementCount, isFloatingPoint } from '../onnx/tensors/tensor.js';
import { explainAttributeWeights } from './prepare/attribute-weights.js';
import { quantisedWeights } from './prepare/quantised.js';
import { type Classified, type ClassifyOptions, classify } from './roles/classify.js';
import type { TensorRole } from './roles/judge/verdict.js';

/** A tensor of the model that lives outside the training graph and is one of its inputs. */
export interface Weight {
  readonly name: string;
  readonly dims: readonly number[];
}

/** A model taken apart: the graph without weights, and what its initializers are. */
export interface SeparatedModel {
  readonly graph: Graph;
  /** Trainable: floating-point initializers, in the model's order. */
  readonly parameters: readonly Weight[];
  /** Running means and variances of batch normalisation. */
  readonly statistics: readonly Weight[];
  /** What a batch must feed. */
  readonly dataInputs: readonly ValueInfo[];
  /** All initializers of the model, and why they are trained or not. */
  readonly classified: readonly Classified[];
}

export interface SeparateOptions extends ClassifyOptions {
  /** Values that the loss is taken of; default: the graph's outputs. */
  losses?: readonly string[] | undefined;
  /** Trains these and no others, whatever they look like. */
  weights?: { readonly parameters: readonly Weight[]; readonly statistics: readonly Weight[] } | undefined;
  /** What each initializer of the file is (see prepareModel); one that is not listed stays a constant. */
  roles: ReadonlyMap<string, TensorRole>;
}

/**
 * Turns weights and running statistics of a prepared model from initializers into graph inputs; see `classify` for which these are.
 * The rest stays constant.
 * @throws FlatminError INVALID_MODEL when nothing is trainable, or weights are quantised and `train` does not choose others
 */
export function separate(model: ModelProto, options: SeparateOptions): SeparatedModel {
  const { graph } = model;
  const losses = options.losses ?? graph.output.map(({ name }) => name);
  const classified = options.weights ? [] : classify(graph, losses, options.roles, options);
  const weights = (kind: Classified['kind']): Weight[] =>
    classified.filter((each) => each.kind === kind).map(({ name, dims }) => ({ name, dims }));
  const parameters = options.weights?.parameters ?? weights('parameter');
  const statistics = options.weights?.statistics ?? weights('statistic');
  if (!options.weights && options.train === undefined) refuseQuantised(graph, classified);
  if (parameters.length === 0) {
    throw new FlatminError(
      'INVALID_MODEL',
      `Model "${graph.name ?? ''}" has no float32 initializer to train${why(classified, graph)}.`,
    );
  }

  const outside = new Set([...parameters, ...statistics].map(({ name }) => name));
  const initializers = new Set(graph.initializer.map(({ name }) => name));
  const dataInputs = graph.input.filter(({ name }) => !initializers.has(name));
  return {
    graph: {
      ...graph,
      node: graph.node.map((node) => ({ ...node, input: [...node.input], output: [...node.output] })),
      initializer: graph.initializer.filter(({ name }) => !outside.has(name!)),
      input: [
        ...dataInputs,
        ...[...parameters, ...statistics].map(({ name, dims }) => valueInfo(name, 'float', dims)),
      ],
      output: [...graph.output],
      valueInfo: [],
    },
    parameters,
    statistics,
    dataInputs,
    classified,
  };
}

/** Names of quantised weights that are listed; `inspect` has them all. */
const LISTED = 24;

/** @throws FlatminError INVALID_MODEL for quantised weights: training what is left would leave most of the model as it is */
function refuseQuantised(graph: Graph, classified: readonly Classified[]): void {
  const { weights: quantised, settings } = quantisedWeights(graph);
  if (quantised.length === 0) return;
  const floating = classified.filter(
    ({ kind, name }) =>
      (kind === 'parameter' || kind === 'frozen') && !quantised.includes(name) && !settings.has(name),
  );
  const shown = quantised.slice(0, LISTED).join(', ');
  const more = quantised.length > LISTED ? ` and ${quantised.length - LISTED} more` : '';
  throw new FlatminError(
    'INVALID_MODEL',
    `${quantised.length} of ${quantised.length + floating.length} weights are quantised: ${shown}${more}; train the floating-point model, and quantise the result${floating.length > 0 ? ' (or name the floating-point weights that are to be trained beside them, as train)' : ''}.`,
  );
}

/** What the model has instead of parameters. */
function why(classified: readonly Classified[], graph: Graph): string {
  const attributes = explainAttributeWeights(graph);
  if (attributes) return `: ${attributes}`;
  const quantised = classified.find(({ reason }) => /quantised/.test(reason));
  if (quantised) return `: "${quantised.name}" is ${quantised.reason}`;
  const floats = classified.filter(({ type }) => isFloatingPoint(type));
  const [largest] = floats.sort((a, b) => elementCount(b.dims) - elementCount(a.dims));
  if (largest)
    return `: the largest, "${largest.name}", is ${largest.reason}${largest.canTrain ? '; --train-also (alsoTrain) trains what it names nonetheless' : ''}`;
  return classified[0] ? `: "${classified[0].name}" is ${classified[0].reason}` : '';
}
