import type { LoweringContext } from '../lowering/context.js';
import { intAttribute } from '../onnx/attributes.js';
import { microsoft } from '../onnx/domains.js';
import { readWindow } from '../onnx/shapes/window.js';
import { convGrad, crossEntropyGrad } from '../releases/training-kernels.js';

/**
 * Time of the training build's CPU kernel as a share of the time of the standard operators in its place, at some shapes: medians of
 * alternating runs in one process, float32, 2 threads with AVX-512, release 1.28 (`flatmin bench kernels` measures them anew).
 */
const kernelTimes: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  [`${microsoft}:ReluGrad`]: { '16×160×32×32': 0.48, '64×128': 0.83 },
  [`${microsoft}:SigmoidGrad`]: { '8×128×1024': 0.64, '64×256': 0.83 },
  [`${microsoft}:TanhGrad`]: { '8×128×1024': 0.77, '64×256': 0.96 },
  [`${microsoft}:QuickGeluGrad`]: { '8×128×1024': 0.5, '64×256': 0.87 },
  [`${microsoft}:GeluGrad`]: { '8×128×1024': 1.65, '64×256': 1.4 },
  [`${microsoft}:FastGeluGrad`]: { '8×128×1024': 9.9, '64×256': 6.1 },
  [`${microsoft}:SoftmaxGrad_13`]: { '8×8×128×128': 1.2, '64×10': 0.94, '8×64×32×32, axis 1': 16.5 },
  [`${microsoft}:LogSoftmaxGrad_13`]: { '64×1000': 3.4, '4×64×10000': 2.9 },
  [crossEntropyGrad]: { '128×10': 1, '128×1000': 1.24, '4×10000×64': 2.6, '8×21×64×64, weighted': 3.1 },
  [`${microsoft}:LayerNormalizationGrad`]: { '8×128×256': 1.46, '8×128×1024': 2.5 },
  [`${microsoft}:SimplifiedLayerNormalizationGrad`]: { '8×128×256': 1.56 },
  [`${microsoft}:BatchNormInternal`]: { '16×160×32×32': 1.02, '64×64×8×8': 0.98 },
  [`${microsoft}:BatchNormalizationGrad`]: { '16×160×32×32': 0.38, '64×64×8×8': 0.2 },
  [convGrad]: {
    '16×64×32×32, 3×3': 0.94,
    '64×16×32×32, 3×3': 0.79,
    '16×64×32×32, 1×1': 0.82,
    '16×3×112×112, 7×7 stride 2, dW': 0.19,
    '16×128×16×16, 3×3 in 4 groups': 0.83,
    '16×128×28×28, 3×3 depthwise': 0.69,
    '16×64×28×28, 3×3 dilated': 0.93,
  },
  [`${convGrad}/1-D`]: { '16×64×256, 5': 0.94, '16×64×256, 5 stride 2': 0.61 },
  [`${convGrad}/3-D`]: {
    '4×16×16×16×16, 3×3×3': 1.42,
    '2×16×16×16×16, 2×2×2 stride 2': 1.48,
    '2×32×8×8×8, 1×1×1': 0.98,
  },
  MaxPoolGrad: { '32×64×32×32, 2×2': 0.55, '16×64×56×56, 3×3 stride 2': 0.49, '8×16×16×16, 2×2': 0.62 },
  AveragePoolGrad: {
    '32×64×32×32, 2×2': 2.4,
    '16×64×28×28, 3×3': 4,
    '16×64×28×28, 3×3 stride 2': 1.64,
    '128×640×8×8, 8×8': 0.84,
  },
};

/** Whether the training build's kernel takes less time than standard operators; for one never measured, it is taken to. */
export function fasterThanStandard(kernel: string): boolean {
  const shares = Object.values(kernelTimes[kernel] ?? {}).sort((a, b) => a - b);
  return shares.length === 0 || shares[Math.floor(shares.length / 2)]! < 1;
}

/** Numbers of a 1×1 kernel from which on, at stride 1, the training build's gradient is the faster one. */
const LARGE_1X1 = 2 ** 14;

/**
 * Whether the training build's ConvGrad takes less time than flatmin's forms, of a node that both take: large 1×1 kernels (0.77–0.92 of
 * the time of flatmin's kernels from 64×256 on at stride 1 and from 256×512 on at stride 2; 1.05–1.5 below). Not few input channels (7×7
 * stride 2 on 3: dW 0.15 of the standard operators' time against 0.19), nor depthwise nodes (0.03–0.3 against 0.69).
 */
export function fasterThanOwnConvGrad(c: LoweringContext): boolean {
  const [x, w] = [c.dims(c.input(1)), c.dims(c.input(2))];
  const { kernel, strides } = readWindow(c.node, x.slice(2), w.slice(2));
  if (intAttribute(c.node, 'group', 1) > 1 || kernel.some((size) => size > 1)) return false;
  return (w[0]! * w[1]!) / strides.reduce((product, stride) => product * stride, 1) >= LARGE_1X1;
}
