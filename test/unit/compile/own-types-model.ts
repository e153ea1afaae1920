import { float } from '../../../src/onnx/attributes.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import type { ModelProto, Tensor } from '../../../src/onnx/proto.js';
import { decodeHalf, encodeFloats, isHalfPrecision } from '../../../src/onnx/tensors/floats.js';
import { DataType, type DataTypeName, makeTensor, tensorData } from '../../../src/onnx/tensors/tensor.js';

export type FloatType = 'float' | 'float16' | 'bfloat16' | 'double';
/** 'raw': rawData; 'fields': the numbers, or bit patterns, in the field of the type. */
export type Storage = 'raw' | 'fields';

export const wave = (count: number, frequency: number, scale = 1): Float32Array =>
  Float32Array.from({ length: count }, (_, index) => scale * Math.sin(frequency * index + 1));

/** What numbers become in a type. */
export function rounded(type: number, values: Float32Array): Float32Array {
  const encoded = encodeFloats(type, values);
  return isHalfPrecision(type)
    ? decodeHalf(type, encoded as Uint16Array)
    : Float32Array.from(encoded, Number);
}

/** The numbers of a tensor of any floating-point type. */
export function numbers(tensor: Tensor): Float32Array {
  const data = tensorData(tensor);
  const type = tensor.dataType ?? 0;
  return isHalfPrecision(type) ? decodeHalf(type, data as Uint16Array) : Float32Array.from(data, Number);
}

interface Options {
  storage?: Storage;
  /** The type whose numbers the weights are rounded to; default: the model's own. */
  values?: FloatType;
  /** Casts: inputs and outputs float32, normalisation in float32. */
  mixed?: boolean;
}

/**
 * images (N × 1 × 4 × 4) → Conv → BatchNormalization → Relu → mean → + a Constant → · a scale → Gemm → logits (N × 3), all of one type.
 */
export function classifier(
  type: FloatType,
  { storage = 'raw', values = type, mixed = false }: Options = {},
): ModelProto {
  const builder = new GraphBuilder();
  const id = DataType[type];
  const tensor = (name: string, dims: readonly number[], data: Float32Array): Tensor => {
    const encoded = encodeFloats(id, rounded(DataType[values], data));
    if (storage === 'raw') return makeTensor(name, type as DataTypeName, dims, encoded);
    const field = type === 'double' ? 'doubleData' : type === 'float' ? 'floatData' : 'int32Data';
    return { name, dataType: id, dims: [...dims], [field]: Array.from(encoded, Number) };
  };
  const weight = (name: string, dims: readonly number[], data: Float32Array) =>
    builder.initializer(tensor(name, dims, data));
  const io: DataTypeName = mixed ? 'float' : type;
  const cast = (value: string, to: DataTypeName, output?: string) =>
    mixed
      ? builder.op('Cast', [value], { to: DataType[to] }, output ? { outputs: [output] } : {})
      : output
        ? builder.op('Identity', [value], {}, { outputs: [output] })
        : value;

  builder.input('images', io, ['N', 1, 4, 4]);
  const images = cast('images', type);
  const k = weight('conv.weight', [4, 1, 3, 3], wave(36, 1.7, 0.5));
  const conv = builder.op('Conv', [images, k], { pads: [1, 1, 1, 1] });
  const norm = [
    weight('bn.scale', [4], Float32Array.of(1, 0.8, 1.2, 0.9)),
    weight('bn.bias', [4], wave(4, 0.9, 0.1)),
    weight('bn.mean', [4], wave(4, 1.1, 0.2)),
    weight('bn.var', [4], Float32Array.of(0.7, 1.1, 0.9, 1.3)),
  ];
  const normalised = builder.op(
    'BatchNormalization',
    [conv, ...norm].map((value) => cast(value, 'float')),
    { epsilon: float(1e-3) },
  );
  const active = builder.op('Relu', [cast(normalised, type)]);
  const mean = builder.op('ReduceMean', [active], { axes: [2, 3], keepdims: 0 });
  const shift = { tensor: tensor('', [4], wave(4, 2.3, 0.3)) };
  const shifted = builder.op('Add', [
    mean,
    builder.op('Constant', [], { value: shift }, { outputs: ['shift'] }),
  ]);
  const shape = builder.initializer(makeTensor('gain__SHAPE', 'int64', [1], BigInt64Array.of(4n)));
  const fill = { tensor: tensor('', [1], Float32Array.of(1.5)) };
  const gain = builder.op('ConstantOfShape', [shape], { value: fill }, { outputs: ['gain'] });
  const scaled = builder.op('Mul', [shifted, gain]);
  const head = [weight('head.weight', [4, 3], wave(12, 1.3)), weight('head.bias', [3], wave(3, 0.4, 0.1))];
  cast(builder.op('Gemm', [scaled, ...head]), 'float', 'logits');
  builder.output('logits', io, ['N', 3]);
  return makeModel(builder.graph);
}

export const batch = {
  images: wave(6 * 16, 0.37, 2),
  labels: BigInt64Array.of(0n, 2n, 1n, 1n, 0n, 2n),
};
