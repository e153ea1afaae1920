import protobuf from 'protobufjs';
import { FlatminError } from '../errors.js';
import { onnxSchema } from './schema.js';

/** A 64-bit integer: decoded as Long, accepted as a number when encoding. */
export type Int64 = number | { toNumber(): number; toString(): string };

export interface StringEntry {
  key?: string;
  value?: string;
}
export interface OperatorSet {
  domain?: string;
  version?: Int64;
}
export interface Dimension {
  dimValue?: Int64;
  dimParam?: string;
}
export interface TensorTypeInfo {
  elemType?: number;
  shape?: { dim?: Dimension[] };
}
export interface TypeInfo {
  tensorType?: TensorTypeInfo;
  sequenceType?: { elemType?: TypeInfo };
  optionalType?: { elemType?: TypeInfo };
}
export interface ValueInfo {
  name: string;
  type?: TypeInfo;
  docString?: string;
  metadataProps?: StringEntry[];
}
export interface Tensor {
  name?: string;
  dims?: Int64[];
  dataType?: number;
  rawData?: Uint8Array;
  floatData?: number[];
  int32Data?: number[];
  int64Data?: Int64[];
  doubleData?: number[];
  uint64Data?: Int64[];
  stringData?: Uint8Array[];
  externalData?: StringEntry[];
  dataLocation?: number;
}
export interface Attribute {
  name: string;
  type?: number;
  f?: number;
  i?: Int64;
  s?: Uint8Array;
  t?: Tensor;
  g?: Graph;
  floats?: number[];
  ints?: Int64[];
  strings?: Uint8Array[];
  tensors?: Tensor[];
  graphs?: Graph[];
  refAttrName?: string;
}
export interface Node {
  opType: string;
  domain?: string;
  name?: string;
  input: string[];
  output: string[];
  attribute: Attribute[];
  overload?: string;
  docString?: string;
  metadataProps?: StringEntry[];
}
export interface Graph {
  name?: string;
  node: Node[];
  initializer: Tensor[];
  input: ValueInfo[];
  output: ValueInfo[];
  valueInfo: ValueInfo[];
  docString?: string;
}
/** A local function: a named body that nodes call as an op. */
export interface FunctionProto {
  name?: string;
  domain?: string;
  overload?: string;
  input: string[];
  output: string[];
  /** Names of attributes without a default. */
  attribute: string[];
  /** Attributes with a default. */
  attributeProto: Attribute[];
  node: Node[];
  opsetImport: OperatorSet[];
}
export interface ModelProto {
  irVersion?: Int64;
  producerName?: string;
  producerVersion?: string;
  domain?: string;
  docString?: string;
  graph: Graph;
  opsetImport: OperatorSet[];
  metadataProps: StringEntry[];
  functions: FunctionProto[];
}

const modelType = protobuf.Root.fromJSON(onnxSchema).lookupType('ModelProto');

/** Decodes a serialized ModelProto; unknown fields are kept. @throws FlatminError INVALID_MODEL when it is not one. */
export function decodeModel(bytes: Uint8Array, source: string): ModelProto {
  let model: ModelProto;
  try {
    const reader = protobuf.Reader.create(bytes);
    reader.discardUnknown = false;
    model = modelType.decode(reader) as unknown as ModelProto;
  } catch (cause) {
    throw new FlatminError(
      'INVALID_MODEL',
      `${source} is not a valid ONNX model: ${(cause as Error).message}.`,
      { cause },
    );
  }
  if (!Object.hasOwn(model, 'graph') || !model.graph) {
    throw new FlatminError('INVALID_MODEL', `${source} is not a valid ONNX model: it holds no graph.`);
  }
  return model;
}

export function encodeModel(model: ModelProto): Uint8Array {
  return modelType.encode(model as unknown as protobuf.Message).finish();
}

export function int64(value: Int64 | undefined, fallback = 0): number {
  return value === undefined || value === null
    ? fallback
    : typeof value === 'number'
      ? value
      : value.toNumber();
}
