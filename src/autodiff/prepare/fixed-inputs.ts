import { FlatminError, invalid } from '../../errors.js';
import { nearNames } from '../../onnx/near-names.js';
import type { Graph, Tensor, ValueInfo } from '../../onnx/proto.js';
import { dimsOf } from '../../onnx/shapes/dimensions.js';
import { encodeFloats } from '../../onnx/tensors/floats.js';
import {
  DataType,
  type DataTypeName,
  dataTypeName,
  elementCount,
  isFloatingPoint,
  makeTensor,
  type TensorData,
  viewBytes,
} from '../../onnx/tensors/tensor.js';

/** One number for all elements of an input, or all of them in row-major order. */
export type ConstantValue = number | bigint | boolean | readonly number[] | TensorData;

/** What inputs of a model are in a session, by name. */
export type InputConstants = Readonly<Record<string, ConstantValue>>;

/**
 * A graph whose inputs of these names are initializers. Inputs with open dimensions stay inputs.
 * @throws FlatminError INVALID_ARGUMENT for a name that is no input, or a value that does not fit it
 */
export function fixInputs(graph: Graph, constants: InputConstants = {}): Graph {
  const names = Object.keys(constants);
  if (names.length === 0) return graph;
  const fixed = names.flatMap((name): Tensor[] => {
    const info = graph.input.find((input) => input.name === name);
    if (!info) throw noInput(graph, name);
    const dims = dimsOf(info) ?? impliedDims(constants[name]!);
    return dims.every((dim) => typeof dim === 'number')
      ? [makeTensor(name, typeName(info), dims, constantData(info, dims, constants[name]!))]
      : [];
  });
  const own = new Set(fixed.map(({ name }) => name ?? ''));
  return {
    ...graph,
    input: graph.input.filter(({ name }) => !own.has(name)),
    initializer: [...graph.initializer.filter(({ name }) => !own.has(name ?? '')), ...fixed],
  };
}

/** Those that are still inputs of a graph. */
export const openConstants = (graph: Graph, constants: InputConstants = {}): InputConstants =>
  Object.fromEntries(
    Object.entries(constants).filter(([name]) => graph.input.some((input) => input.name === name)),
  );

/** The elements of an input that is constant. @throws FlatminError INVALID_ARGUMENT where the value does not fit */
export function constantData(info: ValueInfo, dims: readonly number[], value: ConstantValue): TensorData {
  const { name } = info;
  const type = DataType[typeName(info)];
  const count = elementCount(dims);
  const list = typeof value === 'object' ? Array.from(value as ArrayLike<number | bigint>) : [value];
  if (typeof value === 'object' && list.length !== count)
    throw invalid(`constant "${name}"`, `${count} elements (shape [${dims}])`, `${list.length} elements`);
  const isInteger = !isFloatingPoint(type) && type !== DataType.bool;
  for (const each of list) {
    const number = Number(each);
    if (isInteger && !(typeof each === 'bigint' || Number.isInteger(number)))
      throw invalid(`constant "${name}"`, `integers (${dataTypeName(type)})`, String(each));
    if (type === DataType.bool && number !== 0 && number !== 1)
      throw invalid(`constant "${name}"`, 'true or false', String(each));
  }
  const elements = typeof value === 'object' ? list : Array.from({ length: count }, () => list[0]!);
  if (isFloatingPoint(type)) return encodeFloats(type, elements.map(Number));
  const wanted = viewBytes(new Uint8Array(0), type, `input "${name}"`).constructor as unknown as {
    from(values: readonly (number | bigint)[]): TensorData;
    name: string;
  };
  return wanted.from(elements.map((each) => (wanted.name.startsWith('Big') ? BigInt(each) : Number(each))));
}

const impliedDims = (value: ConstantValue): number[] =>
  typeof value === 'object' ? [(value as ArrayLike<unknown>).length] : [];

function typeName(info: ValueInfo): DataTypeName {
  const name = dataTypeName(info.type?.tensorType?.elemType ?? 0);
  if (!(name in DataType) || name === 'string')
    throw invalid(`constant "${info.name}"`, 'an input that is a tensor of numbers', `one of ${name}`);
  return name as DataTypeName;
}

function noInput(graph: Graph, name: string): FlatminError {
  const inputs = graph.input.map((input) => input.name);
  const near = nearNames(name, inputs);
  return new FlatminError(
    'INVALID_ARGUMENT',
    `The model has no input "${name}" that could be constant${near.length > 0 ? `; did you mean ${near.map((each) => `"${each}"`).join(' or ')}?` : '.'} Its inputs are ${inputs.join(', ') || '(none)'}.`,
  );
}
