import protobuf from 'protobufjs';
import { FlatminError } from '../errors.js';
import { onnxSchema } from './schema.js';

/** A 64-bit integer: decoded as Long, accepted as a number when encoding. */
export type Int64 = number | { toNumber(): number; toString(): string };

/** StringStringEntryProto of the ONNX specification: a text by its key. */
export interface StringEntry {
  /** Unique in its list. */
  key?: string;
  /** Any text. */
  value?: string;
}
/** OperatorSetIdProto of the ONNX specification: operators that a model uses. */
export interface OperatorSet {
  /** Absent or empty: ONNX's own. */
  domain?: string;
  /** Of the domain's operators. */
  version?: Int64;
}
/** TensorShapeProto.Dimension of the ONNX specification: a size, a symbol for one, or neither where it is open. */
export interface Dimension {
  /** The size. */
  dimValue?: Int64;
  /** The symbol. */
  dimParam?: string;
}
/** TypeProto.Tensor of the ONNX specification: element type and shape. */
export interface TensorTypeInfo {
  /** A value of `DataType`. */
  elemType?: number;
  /** Absent where not even the rank is stated. */
  shape?: { dim?: Dimension[] };
}
/** TypeProto of the ONNX specification: the type of a value, by the one field that is there. */
export interface TypeInfo {
  /** Of a tensor. */
  tensorType?: TensorTypeInfo;
  /** Of a sequence. */
  sequenceType?: { elemType?: TypeInfo };
  /** Of an optional value. */
  optionalType?: { elemType?: TypeInfo };
}
/** ValueInfoProto of the ONNX specification: a value by name, and its type. */
export interface ValueInfo {
  /** Unique in its graph. */
  name: string;
  /** Absent where it is not stated. */
  type?: TypeInfo;
  /** For people. */
  docString?: string;
  /** Notes of exporters and tools. */
  metadataProps?: StringEntry[];
}
/** TensorProto of the ONNX specification: elements in row-major order, in one of the fields for them: see `tensorData` and `makeTensor`. */
export interface Tensor {
  /** Of an initializer, by which nodes read it. */
  name?: string;
  /** Sizes of the axes; empty for a scalar. */
  dims?: Int64[];
  /** A value of `DataType`. */
  dataType?: number;
  /** Little-endian elements, of any type but strings. */
  rawData?: Uint8Array;
  /** Of float. */
  floatData?: number[];
  /** Of int32 and what is smaller: integers, bool, and the bits of float16 and bfloat16. */
  int32Data?: number[];
  /** Of int64. */
  int64Data?: Int64[];
  /** Of double. */
  doubleData?: number[];
  /** Of uint32 and uint64. */
  uint64Data?: Int64[];
  /** Of string, in UTF-8. */
  stringData?: Uint8Array[];
  /** Where a file beside the model holds them: location, offset, length. */
  externalData?: StringEntry[];
  /** 1 where they are in such a file. */
  dataLocation?: number;
}
/** AttributeProto of the ONNX specification: a named constant of a node, in the field that its type says. */
export interface Attribute {
  /** As the operator calls it. */
  name: string;
  /** AttributeProto.AttributeType. */
  type?: number;
  /** Of type 1, FLOAT. */
  f?: number;
  /** Of type 2, INT. */
  i?: Int64;
  /** Of type 3, STRING, in UTF-8. */
  s?: Uint8Array;
  /** Of type 4, TENSOR. */
  t?: Tensor;
  /** Of type 5, GRAPH. */
  g?: Graph;
  /** Of type 6, FLOATS. */
  floats?: number[];
  /** Of type 7, INTS. */
  ints?: Int64[];
  /** Of type 8, STRINGS, in UTF-8. */
  strings?: Uint8Array[];
  /** Of type 9, TENSORS. */
  tensors?: Tensor[];
  /** Of type 10, GRAPHS. */
  graphs?: Graph[];
  /** In a function: the attribute of the calling node that this one is. */
  refAttrName?: string;
}
/** NodeProto of the ONNX specification: one operation of a graph. */
export interface Node {
  /** The operator, or the function. */
  opType: string;
  /** Of the operator; absent or empty: ONNX's own. */
  domain?: string;
  /** For people. */
  name?: string;
  /** Names of values; empty for an optional input that is left out. */
  input: string[];
  /** Names that no other value of the graph has; empty for an output that is left out. */
  output: string[];
  /** Those that are not as the operator has them by default. */
  attribute: Attribute[];
  /** Which of several functions of one name it calls. */
  overload?: string;
  /** For people. */
  docString?: string;
  /** Notes of exporters and tools. */
  metadataProps?: StringEntry[];
}
/** GraphProto of the ONNX specification: nodes, each after those whose outputs it reads. */
export interface Graph {
  /** For people. */
  name?: string;
  /** In the order in which they can run. */
  node: Node[];
  /** Values that are known, by name: weights and constants. */
  initializer: Tensor[];
  /** What a run is given; one that is an initializer too has its values by default. */
  input: ValueInfo[];
  /** What a run returns. */
  output: ValueInfo[];
  /** Types of values inside, as far as they are stated. */
  valueInfo: ValueInfo[];
  /** For people. */
  docString?: string;
}
/** A local function: a named body that nodes call as an op. */
export interface FunctionProto {
  /** What nodes call it. */
  name?: string;
  /** Of those nodes. */
  domain?: string;
  /** Which of several functions of one name it is. */
  overload?: string;
  /** Names of its inputs in the body. */
  input: string[];
  /** Names of its outputs in the body. */
  output: string[];
  /** Names of attributes without a default. */
  attribute: string[];
  /** Attributes with a default. */
  attributeProto: Attribute[];
  /** The body. */
  node: Node[];
  /** Operators that the body uses. */
  opsetImport: OperatorSet[];
}
/** ModelProto of the ONNX specification: a graph with what is needed to read it. */
export interface ModelProto {
  /** Of the format. */
  irVersion?: Int64;
  /** The tool that wrote it. */
  producerName?: string;
  /** Of that tool. */
  producerVersion?: string;
  /** A name space for the model, as com.example. */
  domain?: string;
  /** For people. */
  docString?: string;
  /** What is run. */
  graph: Graph;
  /** Operators that the graph uses, by domain. */
  opsetImport: OperatorSet[];
  /** Notes of exporters and tools. */
  metadataProps: StringEntry[];
  /** Local functions that nodes call. */
  functions: FunctionProto[];
}

const modelType = protobuf.Root.fromJSON(onnxSchema).lookupType('ModelProto');

/** How protobufjs says it. */
const TOO_DEEP = /max depth exceeded/;
const tooDeep = (limit: number): string =>
  `its messages are in more than ${limit} others, as of an If or a Loop in the body of another and so on`;

/** Decodes a serialized ModelProto; unknown fields are kept. @throws FlatminError INVALID_MODEL when it is not one. */
export function decodeModel(bytes: Uint8Array, source: string): ModelProto {
  let model: ModelProto;
  try {
    const reader = protobuf.Reader.create(bytes);
    reader.discardUnknown = false;
    model = modelType.decode(reader) as unknown as ModelProto;
  } catch (cause) {
    const { message } = cause as Error;
    const why = TOO_DEEP.test(message) ? tooDeep(protobuf.Reader.recursionLimit) : message;
    throw new FlatminError('INVALID_MODEL', `${source} is not a valid ONNX model: ${why}.`, { cause });
  }
  if (!Object.hasOwn(model, 'graph') || !model.graph) {
    throw new FlatminError('INVALID_MODEL', `${source} is not a valid ONNX model: it holds no graph.`);
  }
  return model;
}

/** @throws FlatminError INVALID_MODEL for messages in too many others */
export function encodeModel(model: ModelProto): Uint8Array {
  try {
    return modelType.encode(model as unknown as protobuf.Message).finish();
  } catch (cause) {
    const { message } = cause as Error;
    if (!TOO_DEEP.test(message)) throw cause;
    throw new FlatminError(
      'INVALID_MODEL',
      `The model "${model.graph.name ?? ''}" cannot be written: ${tooDeep(protobuf.util.recursionLimit)}.`,
      { cause },
    );
  }
}

export function int64(value: Int64 | undefined, fallback = 0): number {
  return value === undefined || value === null
    ? fallback
    : typeof value === 'number'
      ? value
      : value.toNumber();
}
