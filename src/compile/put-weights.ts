import { mapBodies } from '../autodiff/prepare/bodies.js';
import { toEvaluationForm } from '../autodiff/prepare/evaluation-form.js';
import type { Origin } from '../autodiff/prepare/fold-sources.js';
import { FlatminError } from '../errors.js';
import { makeAttribute } from '../onnx/attributes.js';
import { valueInfo } from '../onnx/builder.js';
import { copyMessage } from '../onnx/model.js';
import { type Graph, int64, type ModelProto, type Node, type Tensor } from '../onnx/proto.js';
import { encodeFloats, firstOverflow } from '../onnx/tensors/floats.js';
import { DataType, dataTypeName, viewBytes } from '../onnx/tensors/tensor.js';

/** From IR version 4 on an initializer need not be an input. */
const FREE_INITIALIZERS = 4;

/** The shape and the float32 bytes of a tensor. */
export interface WeightBytes {
  readonly dims: readonly number[];
  readonly bytes: Uint8Array;
}

/**
 * A copy of a model, as the file has it, with other values in some of its initializers and constants, each rounded to the type that it
 * has in the model. What held a weight by other means than a tensor ('filled') becomes an initializer.
 * @throws FlatminError NOT_FINITE naming a weight that is finite, but not in its own type
 */
export function withWeights(
  model: ModelProto,
  origins: ReadonlyMap<string, Origin>,
  weights: ReadonlyMap<string, WeightBytes>,
): ModelProto {
  const tensor = (name: string, { dims, bytes }: WeightBytes, dataType: number): Tensor => ({
    name,
    dataType,
    dims: [...dims],
    rawData: inOwnType(name, bytes, dataType),
  });
  const added: Tensor[] = [];
  const written = (each: Tensor): Tensor => {
    const weight = weights.get(each.name ?? '');
    if (!weight) return each;
    const rawData = inOwnType(each.name ?? '', weight.bytes, each.dataType ?? DataType.float);
    return Object.assign(copyMessage(each), { rawData, floatData: [], doubleData: [], int32Data: [] });
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
    const type = each.attribute.find(({ t }) => t)?.t?.dataType ?? DataType.float;
    if (origins.get(name) === 'constant')
      return [
        Object.assign(copyMessage(each), {
          attribute: [makeAttribute('value', { tensor: tensor(name, weight, type) })],
        }),
      ];
    added.push(tensor(name, weight, type));
    return [];
  };
  const node = model.graph.node.flatMap(replaced);
  const initializer = model.graph.initializer.map(written);
  const listed = int64(model.irVersion) < FREE_INITIALIZERS;
  const input = listed
    ? [
        ...model.graph.input,
        ...added.map(({ name, dims, dataType }) =>
          valueInfo(
            name!,
            dataType!,
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

/** Float32 bytes as the bytes of another floating-point type, rounded to nearest, ties to even. */
function inOwnType(name: string, bytes: Uint8Array, type: number): Uint8Array {
  if (type === DataType.float) return bytes;
  const values = viewBytes(bytes, DataType.float, `"${name}"`) as Float32Array;
  const overflow = firstOverflow(type, values);
  if (overflow)
    throw new FlatminError(
      'NOT_FINITE',
      `"${name}" holds ${overflow.value}, and it is of type ${dataTypeName(type)} in the file, whose largest number is ${overflow.largest}: save the model in float32 (save(path, { type: 'float32' })), or train with a smaller rate or with weight decay.`,
    );
  const encoded = encodeFloats(type, values);
  return new Uint8Array(encoded.buffer as ArrayBuffer, encoded.byteOffset, encoded.byteLength);
}

/** A copy of a model that computes what it does in evaluation: BatchNormalization by running statistics, Dropout that drops nothing. */
export function inferenceModel(model: ModelProto): ModelProto {
  const { graph, wasTraining } = toEvaluationForm(model.graph);
  if (!wasTraining) return model;
  return Object.assign(copyMessage(model), {
    graph: Object.assign(copyMessage(model.graph), { node: graph.node }),
  });
}
