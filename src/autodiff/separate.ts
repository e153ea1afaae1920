import { FlatminError } from '../errors.js';
import { valueInfo } from '../onnx/builder.js';
import { opKey } from '../onnx/domains.js';
import type { Graph, ModelProto, Tensor, ValueInfo } from '../onnx/proto.js';
import { DataType, elementCount, tensorDims } from '../onnx/tensor.js';
import { nonDifferentiable } from './registry.js';

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
}

/**
 * Turns weights and running statistics from initializers into graph inputs. Running statistics are the third and fourth parameter of
 * BatchNormalization; parameters are the other float32 initializers that feed a differentiable op. The rest stays constant.
 * @throws FlatminError INVALID_MODEL when nothing is trainable
 */
export function separate(model: ModelProto): SeparatedModel {
  const { graph } = model;
  const statisticNames = new Set(
    graph.node
      .filter((node) => opKey(node) === 'BatchNormalization')
      .flatMap((node) => node.input.slice(3, 5)),
  );
  const differentiable = new Set(
    graph.node.filter((node) => !nonDifferentiable.has(opKey(node))).flatMap((node) => node.input),
  );
  const isParameter = (tensor: Tensor) =>
    tensor.dataType === DataType.float &&
    differentiable.has(tensor.name!) &&
    !statisticNames.has(tensor.name!) &&
    elementCount(tensorDims(tensor)) > 0;
  const weight = (tensor: Tensor): Weight => ({ name: tensor.name!, dims: tensorDims(tensor) });
  const statistics = graph.initializer.filter((tensor) => statisticNames.has(tensor.name!)).map(weight);
  const parameters = graph.initializer.filter(isParameter).map(weight);
  if (parameters.length === 0)
    throw new FlatminError('INVALID_MODEL', `Model "${graph.name}" has no float32 initializer to train.`);

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
  };
}

/** A copy of the graph whose symbolic batch dimensions (the first of each input) have a size. */
export function fixBatch(graph: Graph, batch: number): Graph {
  const symbols = new Set(
    graph.input.map(({ type }) => type?.tensorType?.shape?.dim?.[0]?.dimParam).filter(Boolean),
  );
  const fix = (info: ValueInfo): ValueInfo => {
    const tensor = info.type?.tensorType;
    const dim = tensor?.shape?.dim?.map((size) =>
      size.dimParam && symbols.has(size.dimParam) ? { dimValue: batch } : size,
    );
    return dim ? { ...info, type: { tensorType: { elemType: tensor!.elemType, shape: { dim } } } } : info;
  };
  return { ...graph, input: graph.input.map(fix), output: graph.output.map(fix) };
}
