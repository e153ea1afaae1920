import test from 'ava';
import { decodeHalf, encodeFloats } from '../../../src/onnx/tensors/floats.js';
import { DataType } from '../../../src/onnx/tensors/tensor.js';

const bits = (type: number, ...values: number[]) => [...encodeFloats(type, values)];

test('float16 bit patterns of IEEE 754', (t) => {
  t.deepEqual(bits(DataType.float16, 0, -0, 1, -2, 65504, 0.1), [0, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x2e66]);
  t.deepEqual(bits(DataType.float16, Infinity, -Infinity, Number.NaN), [0x7c00, 0xfc00, 0x7e00]);
  t.deepEqual(bits(DataType.float16, 2 ** -14, 2 ** -15, 2 ** -24), [0x0400, 0x0200, 0x0001]);
});

test('float16 rounds to nearest, ties to even, over the edges of its range', (t) => {
  t.deepEqual(bits(DataType.float16, 2049, 2051, 2049.01), [0x6800, 0x6802, 0x6801]);
  t.deepEqual(bits(DataType.float16, 65519, 65520), [0x7bff, 0x7c00]);
  t.deepEqual(bits(DataType.float16, 2 ** -25, 1.01 * 2 ** -25, 2 ** -14 - 2 ** -26), [0, 1, 0x0400]);
});

test('bfloat16 is the upper half of a float32, rounded', (t) => {
  t.deepEqual(bits(DataType.bfloat16, 1, -2, 3.0e38, Infinity), [0x3f80, 0xc000, 0x7f62, 0x7f80]);
  t.deepEqual(bits(DataType.bfloat16, 1 + 2 ** -8, 1 + 3 * 2 ** -8), [0x3f80, 0x3f82]);
  t.deepEqual(bits(DataType.bfloat16, Number.NaN, 3.4e38), [0x7fc0, 0x7f80]);
});

test('every half-precision number comes back from its value', (t) => {
  const all = Uint16Array.from({ length: 2 ** 16 }, (_, index) => index);
  for (const type of [DataType.float16, DataType.bfloat16]) {
    const values = decodeHalf(type, all);
    const again = encodeFloats(type, values);
    const differs = all.findIndex((pattern) => !Number.isNaN(values[pattern]!) && again[pattern] !== pattern);
    t.is(differs, -1);
  }
});

test('other types hold the numbers themselves', (t) => {
  t.deepEqual(encodeFloats(DataType.float, [0.1]), Float32Array.of(0.1));
  t.deepEqual(encodeFloats(DataType.double, [0.1]), Float64Array.of(0.1));
});
