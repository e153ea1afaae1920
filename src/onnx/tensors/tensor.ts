import { FlatminError } from '../../errors.js';
import { int64, type Tensor } from '../proto.js';

/** TensorProto.DataType, ONNX specification. */
export const DataType = {
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
} as const;
/** An element type of tensors by name: a key of `DataType`. */
export type DataTypeName = keyof typeof DataType;

/** Elements of a tensor, in row-major order; float16 and bfloat16 as their bits, bool as bytes. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

type TensorDataConstructor = {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): TensorData;
  BYTES_PER_ELEMENT: number;
};

/** Element storage of each type; half-precision types are held as their bit patterns. */
const storage = new Map<number, TensorDataConstructor>([
  [DataType.float, Float32Array],
  [DataType.double, Float64Array],
  [DataType.int8, Int8Array],
  [DataType.uint8, Uint8Array],
  [DataType.bool, Uint8Array],
  [DataType.int16, Int16Array],
  [DataType.uint16, Uint16Array],
  [DataType.float16, Uint16Array],
  [DataType.bfloat16, Uint16Array],
  [DataType.int32, Int32Array],
  [DataType.uint32, Uint32Array],
  [DataType.int64, BigInt64Array],
  [DataType.uint64, BigUint64Array],
]);

export function dataTypeName(type: number): DataTypeName | `type ${number}` {
  const found = Object.entries(DataType).find(([, id]) => id === type);
  return found ? (found[0] as DataTypeName) : `type ${type}`;
}

/** Bytes of one element. @throws FlatminError INVALID_MODEL for strings and unknown types. */
export function elementBytes(type: number): number {
  return constructorOf(type, 'a tensor').BYTES_PER_ELEMENT;
}

function constructorOf(type: number, what: string): TensorDataConstructor {
  const found = storage.get(type);
  if (!found)
    throw new FlatminError(
      'INVALID_MODEL',
      `${what} has element type ${dataTypeName(type)}, which flatmin cannot hold.`,
    );
  return found;
}

export const elementCount = (dims: readonly number[]): number =>
  dims.reduce((product, dim) => product * dim, 1);

export const tensorDims = (tensor: Tensor): number[] => (tensor.dims ?? []).map((dim) => int64(dim));

/** A typed array over bytes, copied only when misaligned. */
export function viewBytes(bytes: Uint8Array, type: number, what: string): TensorData {
  const Data = constructorOf(type, what);
  const size = Data.BYTES_PER_ELEMENT;
  if (bytes.byteLength % size !== 0) {
    throw new FlatminError(
      'INVALID_MODEL',
      `${what} has ${bytes.byteLength} bytes, not a multiple of its element size ${size}.`,
    );
  }
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return new Data(aligned.buffer, aligned.byteOffset, aligned.byteLength / size);
}

/** The elements of a tensor whose data are inside the message (see `loadExternalData` for the others). */
export function tensorData(tensor: Tensor): TensorData {
  const type = tensor.dataType ?? 0;
  const what = `tensor ${tensor.name ?? ''}`.trim();
  if (tensor.dataLocation === 1) {
    throw new FlatminError('INVALID_MODEL', `The data of ${what} are external and have not been loaded.`);
  }
  const count = elementCount(tensorDims(tensor));
  const data = tensor.rawData?.length
    ? viewBytes(tensor.rawData, type, what)
    : fromTypedFields(tensor, type, what);
  if (data.length !== count) {
    throw new FlatminError(
      'INVALID_MODEL',
      `${what} has ${data.length} elements, but its shape [${tensorDims(tensor)}] needs ${count}.`,
    );
  }
  return data;
}

function fromTypedFields(tensor: Tensor, type: number, what: string): TensorData {
  switch (type) {
    case DataType.float:
      return Float32Array.from(tensor.floatData ?? []);
    case DataType.double:
      return Float64Array.from(tensor.doubleData ?? []);
    case DataType.int64:
      return BigInt64Array.from((tensor.int64Data ?? []).map((value) => BigInt(value.toString())));
    case DataType.uint64:
      return BigUint64Array.from((tensor.uint64Data ?? []).map((value) => BigInt(value.toString())));
    case DataType.uint32:
      return Uint32Array.from((tensor.uint64Data ?? []).map((value) => int64(value)));
    default: {
      const narrow = constructorOf(type, what) as unknown as { from(values: number[]): TensorData };
      return narrow.from(tensor.int32Data ?? []);
    }
  }
}

/** A tensor with its elements as little-endian raw bytes (not copied). */
export function makeTensor(
  name: string,
  type: DataTypeName,
  dims: readonly number[],
  data: TensorData,
): Tensor {
  if (data.length !== elementCount(dims)) {
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `Tensor ${name} of shape [${dims}] needs ${elementCount(dims)} elements, but received ${data.length}.`,
    );
  }
  return {
    name,
    dataType: DataType[type],
    dims: [...dims],
    rawData: new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
  };
}

export const int64Data = (values: readonly number[]): BigInt64Array =>
  BigInt64Array.from(values, (value) => BigInt(value));

export const isFloatingPoint = (type: number): boolean =>
  type === DataType.float ||
  type === DataType.double ||
  type === DataType.float16 ||
  type === DataType.bfloat16;
