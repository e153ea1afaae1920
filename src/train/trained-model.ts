import { mapBodies } from '../autodiff/prepare/bodies.js';
import { toEvaluationForm } from '../autodiff/prepare/evaluation-form.js';
import type { Origin } from '../autodiff/prepare/fold-sources.js';
import { makeAttribute } from '../onnx/attributes.js';
import { valueInfo } from '../onnx/builder.js';
import { copyMessage } from '../onnx/model.js';
import { type Graph, int64, type ModelProto, type Node, type Tensor } from '../onnx/proto.js';
import { DataType } from '../onnx/tensor.js';

/** From IR version 4 on an initializer need not be an input. */
const FREE_INITIALIZERS = 4;

/** A float32 tensor's shape and bytes. */
export interface WeightBytes {
  readonly dims: readonly number[];
  readonly bytes: Uint8Array;
}

/**
 * A copy of a model, as the file has it, with other values in some of its initializers and constants. What held a weight by other means
 * than a tensor ('filled') becomes an initializer.
 */
export function withWeights(
  model: ModelProto,
  origins: ReadonlyMap<string, Origin>,
  weights: ReadonlyMap<string, WeightBytes>,
): ModelProto {
  const tensor = (name: string, { dims, bytes }: WeightBytes): Tensor => ({
    name,
    dataType: DataType.float,
    dims: [...dims],
    rawData: bytes,
  });
  const added: Tensor[] = [];
  const written = (each: Tensor): Tensor => {
    const weight = weights.get(each.name ?? '');
    return weight ? Object.assign(copyMessage(each), { rawData: weight.bytes, floatData: [] }) : each;
  };
  const inBody = (body: Graph): Graph =>
    Object.assign(copyMessage(body), {
      node: body.node.flatMap(replaced),
      initializer: body.initializer.map(written),
    });
  const replaced = (given: Node): Node[] => {
    const each = mapBodies(given, inBody);
    const name = each.output[0] ?? '';
    const weight = weights.get(name);
    if (!weight || (origins.get(name) ?? 'initializer') === 'initializer') return [each];
    if (origins.get(name) === 'constant')
      return [
        Object.assign(copyMessage(each), {
          attribute: [makeAttribute('value', { tensor: tensor(name, weight) })],
        }),
      ];
    added.push(tensor(name, weight));
    return [];
  };
  const node = model.graph.node.flatMap(replaced);
  const initializer = model.graph.initializer.map(written);
  const listed = int64(model.irVersion) < FREE_INITIALIZERS;
  const input = listed
    ? [
        ...model.graph.input,
        ...added.map(({ name, dims }) =>
          valueInfo(
            name!,
            'float',
            dims!.map((dim) => int64(dim)),
          ),
        ),
      ]
    : model.graph.input;
  const graph = Object.assign(copyMessage(model.graph), {
    node,
    input,
    initializer: [...initializer, ...added],
  });
  return Object.assign(copyMessage(model), { graph });
}

/** A copy of a model that computes what it does in evaluation: BatchNormalization by running statistics, Dropout that drops nothing. */
export function inferenceModel(model: ModelProto): ModelProto {
  const { graph, wasTraining } = toEvaluationForm(model.graph);
  if (!wasTraining) return model;
  return Object.assign(copyMessage(model), {
    graph: Object.assign(copyMessage(model.graph), { node: graph.node }),
  });
}
