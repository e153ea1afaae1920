import test from 'ava';
import { FlatminError } from '../../../src/errors.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { decodeModel, encodeModel, type Tensor } from '../../../src/onnx/proto.js';
import {
  DataType,
  type DataTypeName,
  dataTypeName,
  elementBytes,
  isFloatingPoint,
  makeTensor,
  type TensorData,
  tensorData,
  viewBytes,
} from '../../../src/onnx/tensors/tensor.js';

/** The tensor after a trip through bytes. */
function roundTrip(tensor: Tensor): Tensor {
  const builder = new GraphBuilder();
  builder.initializer(tensor);
  return decodeModel(encodeModel(makeModel(builder.graph)), 'm').graph.initializer[0]!;
}

const arrays: Partial<Record<DataTypeName, TensorData>> = {
  float: Float32Array.of(1.5, -2, Number.NaN),
  double: Float64Array.of(Math.PI, -2, Infinity),
  int8: Int8Array.of(-128, 0, 127),
  uint8: Uint8Array.of(0, 1, 255),
  bool: Uint8Array.of(0, 1, 1),
  int16: Int16Array.of(-32768, 0, 32767),
  uint16: Uint16Array.of(0, 1, 65535),
  float16: Uint16Array.of(0x3c00, 0xc000, 0x7bff),
  bfloat16: Uint16Array.of(0x3f80, 0xc000, 0x7f7f),
  int32: Int32Array.of(-(2 ** 31), 0, 2 ** 31 - 1),
  uint32: Uint32Array.of(0, 1, 2 ** 32 - 1),
  int64: BigInt64Array.of(-(2n ** 63n), 0n, 2n ** 63n - 1n),
  uint64: BigUint64Array.of(0n, 1n, 2n ** 64n - 1n),
};

for (const [type, data] of Object.entries(arrays) as [DataTypeName, TensorData][]) {
  test(`raw data of ${type}`, (t) => {
    t.deepEqual(tensorData(makeTensor('w', type, [3], data)), data);
    t.deepEqual(tensorData(roundTrip(makeTensor('w', type, [3, 1], data))), data);
    t.is(elementBytes(DataType[type]), data.BYTES_PER_ELEMENT);
    t.is(dataTypeName(DataType[type]), type);
  });
}

/** Which field holds which type: the comments of TensorProto in the ONNX specification. */
const fields: Partial<Record<DataTypeName, (data: TensorData) => Partial<Tensor>>> = {
  float: (data) => ({ floatData: [...(data as Float32Array)] }),
  double: (data) => ({ doubleData: [...(data as Float64Array)] }),
  int64: (data) => ({ int64Data: [...(data as BigInt64Array)].map(longOf) }),
  uint64: (data) => ({ uint64Data: [...(data as BigUint64Array)].map(longOf) }),
  uint32: (data) => ({ uint64Data: [...(data as Uint32Array)] }),
};
for (const type of ['int8', 'uint8', 'bool', 'int16', 'uint16', 'float16', 'bfloat16', 'int32'] as const)
  fields[type] = (data) => ({ int32Data: [...(data as Int32Array)] });

/** A 64-bit integer as protobufjs takes it. */
const longOf = (value: bigint) => ({
  low: Number(BigInt.asIntN(32, value)),
  high: Number(BigInt.asIntN(32, value >> 32n)),
  unsigned: value >= 2n ** 63n,
  toNumber: () => Number(value),
  toString: () => String(value),
});

for (const [type, fieldsOf] of Object.entries(fields) as [
  DataTypeName,
  (data: TensorData) => Partial<Tensor>,
][]) {
  test(`typed data of ${type}`, (t) => {
    const data = arrays[type]!;
    const tensor: Tensor = { name: 'w', dataType: DataType[type], dims: [3], ...fieldsOf(data) };
    t.deepEqual(tensorData(tensor), data);
    t.deepEqual(tensorData(roundTrip(tensor)), data);
  });
}

test('a tensor of no dimensions has one element, one of size 0 none', (t) => {
  t.deepEqual(tensorData({ dataType: DataType.float, floatData: [2] }), Float32Array.of(2));
  t.deepEqual(tensorData({ dataType: DataType.float, dims: [0, 3] }), new Float32Array(0));
});

test('misaligned bytes are read', (t) => {
  const bytes = new Uint8Array(13);
  bytes.set(new Uint8Array(Float32Array.of(1, 2, 3).buffer), 1);
  t.deepEqual(viewBytes(bytes.subarray(1), DataType.float, 'w'), Float32Array.of(1, 2, 3));
});

test('data that do not fit the shape or type are refused, by name', (t) => {
  const refused: [Tensor, RegExp][] = [
    [
      { name: 'w', dataType: DataType.float, dims: [3], floatData: [1, 2] },
      /tensor w has 2 elements, .*\[3\] needs 3/,
    ],
    [{ name: 'w', dataType: DataType.float, dims: [3] }, /0 elements/],
    [{ name: 'w', dataType: DataType.float, dims: [1], rawData: new Uint8Array(8) }, /2 elements/],
    [
      { name: 'w', dataType: DataType.float, dims: [1], rawData: new Uint8Array(5) },
      /5 bytes, not a multiple/,
    ],
    [{ name: 'w', dataType: DataType.string, dims: [1] }, /element type string/],
    [{ name: 'w', dataType: 99, dims: [1] }, /element type type 99/],
    [{ name: 'w', dims: [1] }, /element type/],
    [
      { name: 'w', dataType: DataType.float, dims: [1], dataLocation: 1 },
      /external and have not been loaded/,
    ],
  ];
  for (const [tensor, message] of refused) {
    const error = t.throws(() => tensorData(tensor), { instanceOf: FlatminError, message });
    t.is(error.code, 'INVALID_MODEL');
  }
  t.throws(() => makeTensor('w', 'float', [2], Float32Array.of(1)), {
    instanceOf: FlatminError,
    message: /w of shape \[2\] needs 2 elements, but received 1/,
  });
});

test('floating-point types', (t) => {
  const names = Object.entries(DataType).filter(([, type]) => isFloatingPoint(type));
  t.deepEqual(names.map(([name]) => name).sort(), ['bfloat16', 'double', 'float', 'float16']);
});
