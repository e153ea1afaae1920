import { explainAttributeWeights } from '../autodiff/prepare/attribute-weights.js';
import { innerValues, noOutput } from '../autodiff/prepare/chosen-output.js';
import { type PreparedModel, prepareModel } from '../autodiff/prepare/prepare.js';
import { FlatminError } from '../errors.js';
import type { Compared } from '../losses/compared.js';
import { type End, findEnd } from '../losses/ends/find-end.js';
import { type Loss, type LossInput, LossScope, type LossValue } from '../losses/loss.js';
import { GraphBuilder } from '../onnx/builder.js';
import { opKey } from '../onnx/domains.js';
import type { Graph, ModelProto } from '../onnx/proto.js';
import { isFloatingPoint } from '../onnx/tensors/tensor.js';

/** Types of the values of a graph, with symbols for the sizes that follow the batch. */
export type OpenTypes = ReadonlyMap<string, Omit<LossValue, 'name'>>;

/** A graph with a loss at its end. */
export interface GraphWithLoss {
  readonly graph: Graph;
  /** The scalar loss. */
  readonly loss: string;
  /** The inputs that the loss added. */
  readonly lossInputs: readonly LossInput[];
  /** What the first loss that says so compares with its targets. */
  readonly compared: Compared | undefined;
  /** The output that the loss takes by default. */
  readonly output: LossValue;
  /** The softmax or the like that this output is; undefined where it is none. */
  readonly end: End | undefined;
  /** What the loss has decided that the user should know. */
  readonly notes: readonly string[];
}

/** What of a model the loss takes. */
export interface LossChoice {
  /** An output of the model, or another value inside; default: the first output of floats, or what leads to one. */
  output?: string | undefined;
  /** The loss takes the output as it is, instead of the logits behind a softmax or sigmoid. Default false. */
  outputAsIs?: boolean | undefined;
}

/**
 * A copy of a graph with a loss of its outputs at the end.
 * @param types of the graph's values
 * @throws FlatminError INVALID_MODEL when there is no such output, or it does not fit the loss
 */
export function appendLoss(
  graph: Graph,
  loss: Loss,
  types: OpenTypes,
  { output, outputAsIs = false }: LossChoice = {},
): GraphWithLoss {
  requireInitializers(graph);
  const outputs = graph.output.flatMap(({ name }) => valueBehind(graph, types, name) ?? []);
  const chosen =
    output === undefined ? firstScores(graph, outputs, types) : valueBehind(graph, types, output);
  if (!chosen) {
    if (output !== undefined) throw noOutput(graph, output, [...innerValues(graph)]);
    throw new FlatminError('INVALID_MODEL', `Model "${graph.name ?? ''}" has no tensor output.`);
  }
  const builder = new GraphBuilder({
    ...graph,
    node: [...graph.node],
    input: [...graph.input],
    initializer: [...graph.initializer],
  });
  const others = outputs.filter((value) => value.name !== chosen.name);
  const scope = new LossScope(builder, [chosen, ...others], { values: types, asIs: outputAsIs });
  const name = loss.append(scope);
  return {
    graph: builder.graph,
    loss: name,
    lossInputs: scope.inputs,
    compared: scope.compared[0],
    output: chosen,
    end: findEnd(graph, chosen.name),
    notes: scope.notes,
  };
}

/** @throws FlatminError INVALID_MODEL for a model that holds what it has learned in attributes alone */
function requireInitializers(graph: Graph): void {
  if (graph.initializer.some(({ dataType }) => isFloatingPoint(dataType ?? 0))) return;
  const why = explainAttributeWeights(graph);
  if (why)
    throw new FlatminError('INVALID_MODEL', `Model "${graph.name ?? ''}" has nothing to train: ${why}.`);
}

/** The tensor of a name; of maps, which scikit-learn makes of its probabilities, these. */
function valueBehind(graph: Graph, types: OpenTypes, name: string): LossValue | undefined {
  const known = types.get(name);
  if (known) return { name, ...known };
  const node = graph.node.find(({ output }) => output.includes(name));
  return node && opKey(node) === 'ai.onnx.ml:ZipMap' ? valueBehind(graph, types, node.input[0]!) : undefined;
}

/** The first output of floats; else the first that tells the largest of some; else the first. */
function firstScores(graph: Graph, outputs: readonly LossValue[], types: OpenTypes): LossValue | undefined {
  const tells = ({ name }: LossValue) => {
    const end = findEnd(graph, name);
    return end?.kind === 'labels' && isFloatingPoint(types.get(end.input)?.type ?? 0);
  };
  return outputs.find(({ type }) => isFloatingPoint(type)) ?? outputs.find(tells) ?? outputs[0];
}

export const asPrepared = (model: ModelProto | PreparedModel): PreparedModel =>
  'origins' in model ? model : prepareModel(model);
