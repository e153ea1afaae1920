import { microsoft } from '../onnx/domains.js';

/**
 * Operators with a kernel in ONNX Runtime's CUDA provider, by the element types of their kernels: types of one kernel joined by '+', all
 * kernels where the registration names none: '*'. Operators of com.microsoft end in '@'; there are more than flatmin can meet.
 * Source: the kernel classes in the symbol table of libonnxruntime_providers_cuda.so of org.bytedeco:onnxruntime:1.28.0-1.5.14
 * (linux-x86_64-gpu), of the latest version up to opset 22.
 */
const registered: readonly (readonly [types: string, ops: string])[] = [
  [
    '*',
    'BiasGelu@ BiasSoftmax@ Clip Compress Concat ConcatFromSequence ConstantOfShape CumSum DepthToSpace Dropout Einsum Expand EyeLike Flatten Gather GatherElements Identity If IsInf IsNaN LogSoftmaxGrad_13@ Loop Max Min Mod NonMaxSuppression Pow RandomNormal RandomNormalLike RandomUniform RandomUniformLike Range Reshape ReverseSequence Scan ScatterElements ScatterND SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength Shape Size SoftmaxGrad_13@ SpaceToDepth Split Squeeze Sum TensorScatter Tile TopK Transpose Trilu Trilu@ Unsqueeze',
  ],
  [
    'bfloat16 double float float16',
    'AveragePool Conv Cos DeformConv Elu Erf Exp FastGelu@ FusedMatMul@ Gelu Gelu@ Gemm HardSigmoid HardSwish LayerNormalization LeakyRelu LogSoftmax MatMul PRelu QuickGelu@ QuickGeluGrad@ ReduceLogSum ReduceLogSumExp ReduceSumSquare Relu RoiAlign Selu Sigmoid Sin Softmax Softplus Softsign Sqrt Tanh ThresholdedRelu',
  ],
  [
    'double float float16',
    'ArgMax ArgMin BatchNormalization Ceil ConvGrad@ ConvTranspose FastGeluGrad@ Floor GRU GeluGrad@ GlobalAveragePool GlobalMaxPool InstanceNormalization Irfft@ LRN LSTM Log RNN Reciprocal ReluGrad@ Rfft@ Round SigmoidGrad@ TanhGrad@',
  ],
  [
    'bfloat16 float float16',
    'Attention Attention@ MatMulNBits@ RotaryEmbedding RotaryEmbedding@ SkipLayerNormalization@ SkipSimplifiedLayerNormalization@',
  ],
  [
    'bfloat16 double float float16 int16 int32 int64 int8 uint16 uint32 uint64 uint8',
    'Abs Add Div Mul Sign Sub',
  ],
  ['bool', 'All@ And Not Or Xor'],
  ['bfloat16 double float float16 int32', 'ReduceL1 ReduceL2 ReduceMean ReduceProd'],
  ['bfloat16 double float float16 int32 int64 uint32 uint64', 'Greater GreaterOrEqual Less LessOrEqual'],
  ['float float16', 'EmbedLayerNormalization@ LpNormalization NhwcConv@ PackedAttention@'],
  [
    'bfloat16+float+bfloat16 double+double+double float+float+float float+float+float16 float16+float+float float16+float+float16',
    'LayerNormalizationGrad@ SimplifiedLayerNormalization SimplifiedLayerNormalizationGrad@',
  ],
  ['float', 'FusedConv@ GridSample GridSample@'],
  ['bfloat16+int64 float+int64 float16+int64', 'SoftmaxCrossEntropyLoss SoftmaxCrossEntropyLossGrad@'],
  ['double float float16 int32 int64 int8 uint8', 'ReduceMax ReduceMin'],
  [
    'double+double+double float+float+float float16+float+float float16+float16+float float16+float16+float16',
    'BatchNormInternal@ BatchNormalizationGrad@',
  ],
  ['int8+float16 uint8+float16', 'DequantizeLinear@ QuantizeLinear@'],
  ['bfloat16 bool double float float16 int16 int32 int64 int8 uint16 uint32 uint64 uint8', 'Cast'],
  ['bfloat16 bool double float float16 int32 int64 uint32 uint64', 'Equal'],
  ['bfloat16 double float float16 int16 int32 int64 int8', 'Neg'],
  ['bfloat16 double float float16 int32 int64', 'ReduceSum'],
  ['bfloat16 double float float16 int32 int64 uint8', 'Where'],
  [
    'bfloat16+bfloat16 bfloat16+float float+bfloat16 float+float float+float16 float16+float float16+float16',
    'MultiHeadAttention@',
  ],
  ['bfloat16+bfloat16 bfloat16+int8 float16+float16 float16+int8', 'GroupQueryAttention@'],
  [
    'bfloat16+bfloat16 double+double float+float float+float16 float16+float float16+float16',
    'RMSNormalization',
  ],
  ['bool double float float16', 'Pad'],
  ['bool float float16 int32 int64 uint8', 'NonZero'],
  ['double float float16 int16 int32 int64 int8 uint16 uint32 uint64 uint8', 'Shrink'],
  ['double float float16 int32 uint8', 'Resize'],
  ['double float float16 int8 uint8', 'MaxPool'],
  ['float+float float+float16 float16+float float16+float16', 'DecoderMaskedMultiHeadAttention@'],
  ['float+int8 float16+int8', 'QAttention@'],
  ['int32 int64', 'Slice'],
  ['int32+float+int32 int32+float16+int32 int64+float+int64 int64+float16+int64 int64+int64+int64', 'OneHot'],
  ['int64', 'GatherND'],
  ['int8', 'MatMulInteger'],
];

const keyOf = (name: string): string => (name.endsWith('@') ? `${microsoft}:${name.slice(0, -1)}` : name);

/** Operator → element types of each of its kernels, ONNX's names; an empty list: of all that the operator takes. */
export const cudaKernels: ReadonlyMap<string, readonly (readonly string[])[]> = new Map(
  registered.flatMap(([types, ops]) => {
    const kernels = types === '*' ? [] : types.split(' ').map((kernel) => kernel.split('+'));
    return ops.split(' ').map((name) => [keyOf(name), kernels] as const);
  }),
);
