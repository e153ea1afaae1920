import { microsoft } from '../onnx/domains.js';
import { opTable } from '../onnx/op-table.js';
import { attributeWeights } from './prepare/attribute-weights.js';
import { UNROLL_LIMIT } from './prepare/control-flow.js';
import { COUNTED_ITERATIONS } from './prepare/loops/counting.js';

const quantised =
  'it is quantised: train the floating-point model that it was made from, and quantise the result';
const dynamic = 'its output has no static shape';
const spectral =
  'transforms to the frequency domain have none: compute them outside the model, or freeze what is behind';
const decoding =
  'it keeps state between calls of text generation: export the model without its key-value cache';
const fused = 'an optimizer fused it for inference: use the model before that optimization';
const laidOut = 'an optimizer laid it out for inference: use the model before that optimization';

/** Ops on which a gradient is often asked for and that have none here: op → why, and what to do. */
export const refused: Readonly<Record<string, string>> = opTable<string>({
  ...attributeWeights,
  ConvInteger: quantised,
  DequantizeLinear: quantised,
  DynamicQuantizeLinear: quantised,
  MatMulInteger: quantised,
  QLinearConv: quantised,
  QLinearMatMul: quantised,
  QuantizeLinear: quantised,
  [`${microsoft}:DynamicQuantizeLSTM`]: quantised,
  [`${microsoft}:DynamicQuantizeMatMul`]: quantised,
  [`${microsoft}:MatMulIntegerToFloat`]: quantised,
  [`${microsoft}:MatMulNBits`]: quantised,
  [`${microsoft}:QAttention`]: quantised,
  [`${microsoft}:QGemm`]: quantised,
  [`${microsoft}:QLinearAdd`]: quantised,
  [`${microsoft}:QLinearConv`]: quantised,
  [`${microsoft}:QLinearMul`]: quantised,
  If: 'its condition depends on the data: a branch is known where constants and sizes alone decide it',
  Loop: `constants and sizes must decide its number of iterations, up to ${COUNTED_ITERATIONS.toLocaleString('en')}; of more than ${UNROLL_LIMIT.toLocaleString('en')} nodes in all iterations, its state must keep its shape, and its body hold no Dropout, BatchNormalization or If`,
  NonMaxSuppression: dynamic,
  Unique: dynamic,
  DFT: spectral,
  MelWeightMatrix: spectral,
  STFT: spectral,
  Det: 'it would need the inverse of a matrix, for which there is no standard operator',
  DeformConv: 'deformable convolutions are not covered: replace it by Conv, or freeze what is behind',
  MaxRoiPool: 'the bounds of its windows are rounded; use RoiAlign, which has a gradient',
  [`${microsoft}:DecoderMaskedMultiHeadAttention`]: decoding,
  [`${microsoft}:GroupQueryAttention`]: decoding,
  [`${microsoft}:GemmFastGelu`]: fused,
  [`${microsoft}:FusedMatMulActivation`]: fused,
  [`${microsoft}:BiasSoftmax`]: fused,
  [`${microsoft}:BiasSplitGelu`]: fused,
  [`${microsoft}:BiasAdd`]: fused,
  [`${microsoft}:BiasDropout`]: fused,
  [`${microsoft}:NhwcConv`]: laidOut,
  [`${microsoft}:NhwcFusedConv`]: laidOut,
  [`${microsoft}:NhwcMaxPool`]: laidOut,
  ...Object.fromEntries(
    ['Conv', 'MaxPool', 'AveragePool', 'GlobalMaxPool', 'GlobalAveragePool', 'Upsample', 'ReorderInput']
      .concat('ReorderOutput')
      .map((op) => [`com.microsoft.nchwc:${op}`, laidOut]),
  ),
  [`${microsoft}:PackedAttention`]:
    'an optimizer packed it for inference: use the model before that optimization',
});
