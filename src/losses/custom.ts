import { FlatminError, invalid } from '../errors.js';
import type { GraphBuilder } from '../onnx/builder.js';
import type { ModelProto, ValueInfo } from '../onnx/proto.js';
import { dimsOf } from '../onnx/shapes/dimensions.js';
import { DataType, dataTypeName } from '../onnx/tensors/tensor.js';
import { checkedValue } from '../options/option.js';
import { finite } from '../options/values.js';
import { type Loss, type LossScope, type LossValue, requireFloat } from './loss.js';

/**
 * A loss that is already an output of the model: its mean over all elements.
 * @param name default: the session's output
 */
export function outputLoss(name?: string): Loss {
  return {
    name: name ? `output ${name}` : 'output',
    append(scope) {
      const value = scope.output(name);
      requireFloat('The loss', value);
      return scope.builder.op('ReduceMean', [value.name], { keepdims: 0 });
    },
  };
}

/** Builds a loss from the outputs of a model, by name; `target` adds an input that a batch must hold. Returns the scalar's name. */
export type LossFunction = (
  builder: GraphBuilder,
  outputs: Readonly<Record<string, LossValue>>,
  target: LossScope['target'],
) => string;

/**
 * A loss of the user's own: a function that builds it, or an ONNX model of operator set 17 or newer. The model's inputs that are named as
 * outputs of the trained model take these; its other inputs are targets, which a batch holds under their names. Its first output is the
 * loss, of which the mean over all elements is taken.
 * @throws FlatminError INVALID_MODEL when nothing in the loss takes an output of the model
 */
export function graphLoss(loss: ModelProto | LossFunction, name = 'own loss'): Loss {
  return {
    name,
    append(scope) {
      if (typeof loss !== 'function') return inline(loss, scope);
      const outputs = Object.fromEntries(scope.outputs.map((value) => [value.name, value]));
      return loss(scope.builder, outputs, scope.target.bind(scope));
    },
  };
}

function inline({ graph, functions }: ModelProto, scope: LossScope): string {
  const { builder } = scope;
  const loss = graph.output[0];
  if (!loss || functions?.length || graph.node.some((node) => node.attribute.some(({ g }) => g))) {
    throw new FlatminError(
      'INVALID_MODEL',
      `The loss graph "${graph.name ?? ''}" must have an output, and neither local functions nor subgraphs.`,
    );
  }
  const names = new Map<string, string>([['', '']]);
  for (const tensor of graph.initializer) {
    const name = builder.fresh(`loss/${tensor.name}`);
    builder.initializer({ ...tensor, name });
    names.set(tensor.name ?? '', name);
  }
  const inputs = graph.input.filter(({ name }) => !names.has(name));
  const sizes = new Map<string, number | string>();
  for (const info of inputs) {
    const output = scope.outputs.find((value) => value.name === info.name);
    if (!output) continue;
    names.set(info.name, output.name);
    (dimsOf(info) ?? []).forEach((dim, axis) => {
      if (typeof dim === 'string') sizes.set(dim, output.dims[axis] ?? dim);
    });
  }
  const isConnected = inputs.some(({ name }) => names.has(name));
  for (const info of inputs) if (!names.has(info.name)) names.set(info.name, addTarget(scope, info, sizes));
  if (!isConnected) {
    const outputs = scope.outputs.map((value) => value.name).join(', ');
    throw new FlatminError(
      'INVALID_MODEL',
      `No input of the loss graph "${graph.name ?? ''}" (${graph.input.map((info) => info.name).join(', ')}) is named as an output of the model (${outputs}).`,
    );
  }
  for (const node of graph.node) {
    for (const output of node.output) if (output) names.set(output, builder.fresh(`loss/${output}`));
    const renamed = (list: readonly string[]) => list.map((each) => names.get(each) ?? each);
    const label = builder.fresh(`loss/${node.name || node.opType}`);
    builder.graph.node.push({
      ...node,
      name: label,
      input: renamed(node.input),
      output: renamed(node.output),
    });
  }
  return builder.op('ReduceMean', [names.get(loss.name)!], { keepdims: 0 });
}

/** @param sizes of the symbols that the model's outputs bind */
function addTarget(scope: LossScope, info: ValueInfo, sizes: ReadonlyMap<string, number | string>): string {
  const { name, type } = info;
  const elemType = dataTypeName(type?.tensorType?.elemType ?? DataType.float);
  if (elemType.startsWith('type ')) throw invalid(`input "${name}" of the loss graph`, 'a tensor', elemType);
  const dims = (dimsOf(info) ?? []).map((dim) => (typeof dim === 'string' ? (sizes.get(dim) ?? dim) : dim));
  return scope.target(name, elemType as keyof typeof DataType, dims);
}

/** A loss in a `weightedSum`. */
export interface LossTerm {
  /** Any loss, a weighted sum too. */
  loss: Loss;
  /** The output that this loss takes; default: as the loss says, else the session's. */
  output?: string;
  /** Default 1. */
  weight?: number;
}

/**
 * Σ weight·loss over several losses, of the same or of different outputs. Inputs for targets whose names meet get _1, _2, …; name them with
 * `input` of each loss.
 * @throws FlatminError INVALID_ARGUMENT without a term, or for a weight that is no finite number
 */
export function weightedSum(terms: readonly LossTerm[]): Loss {
  if (terms.length === 0) throw invalid('terms', 'at least one loss', 'none');
  for (const { weight = 1 } of terms) checkedValue('weight', finite, weight);
  return {
    name: terms
      .map(({ loss, weight = 1 }) => `${weight === 1 ? '' : `${weight} · `}${loss.name}`)
      .join(' + '),
    append(scope) {
      const { builder } = scope;
      const parts = terms.map(({ loss, output, weight = 1 }) => {
        const value = loss.append(output === undefined ? scope : scope.of(scope.output(output)));
        return weight === 1 ? value : builder.op('Mul', [value, builder.scalar(weight)]);
      });
      return parts.reduce((sum, part) => builder.op('Add', [sum, part]));
    },
  };
}
