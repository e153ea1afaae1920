import { batchNormInternal } from '../lowering/alias.js';
import type { LoweringContext } from '../lowering/context.js';
import { batchStatistics } from '../lowering/cuda/batch-norm.js';
import * as cudaConv from '../lowering/cuda/conv.js';
import { wideLabels } from '../lowering/cuda/labels.js';
import * as conv from '../lowering/kernels/conv.js';
import { flatmin, type Rewrite, type Target } from '../lowering/targets.js';
import { microsoft } from '../onnx/domains.js';
import type { Runtime } from '../ort/library.js';
import { endsProcess } from '../releases/crashes.js';
import { convGrad, crossEntropyGrad, opsWithKernels } from '../releases/training-kernels.js';
import type { Capabilities } from './capabilities.js';
import { capabilitiesOf } from './capabilities-of.js';
import { fasterThanOwnConvGrad, fasterThanStandard } from './cpu-choice.js';
import { elementTypeOfNode, kernelsNeeded } from './kernels-needed.js';

const batchNorm = `${microsoft}:BatchNormInternal`;

/**
 * What training graphs are lowered to for a runtime and a device: each op in the fastest form that is right there. On the CPU flatmin's
 * kernels, then the runtime's own, then standard operators; on CUDA the runtime's kernels, and forms that are legal there.
 * @param device 'cpu', 'cuda' or 'cuda:<ordinal>'
 * @throws FlatminError RUNTIME when an unknown library's kernels cannot be probed
 */
export async function targetFor(runtime: Runtime, device: string): Promise<Target> {
  return targetOf(await capabilitiesOf(runtime, device));
}

/** The same from a table of capabilities. */
export const targetOf = (capabilities: Capabilities): Target =>
  capabilities.device === 'cuda' ? cudaTarget(capabilities) : cpuTarget(capabilities);

/** Whether the runtime computes a node right, in its shapes and element type. Of no elements, cuDNN makes an error. */
function computes({ kernels }: Capabilities, c: LoweringContext): boolean {
  const type = elementTypeOfNode(c.node, c.values);
  if (type === undefined || c.node.input.some((name) => c.values.get(name)?.dims.includes(0))) return false;
  return kernelsNeeded(c.node, c.values).every((kernel) => kernels[kernel]?.includes(type));
}

function cpuTarget(capabilities: Capabilities): Target {
  if (Object.keys(capabilities.kernels).length === 0) return flatmin;
  const takes = (c: LoweringContext) =>
    !endsProcess(c.node, (name) => c.dims(name)) &&
    computes(capabilities, c) &&
    kernelsNeeded(c.node, c.values).every(fasterThanStandard);
  const own: Rewrite = (c) => !(takes(c) && fasterThanOwnConvGrad(c)) && conv.gradient(c);
  return {
    ...flatmin,
    name: 'flatmin+training',
    ops: opsWithKernels(capabilities.kernels),
    takes,
    rewrites: {
      ...flatmin.rewrites,
      [convGrad]: own,
      [batchNorm]: (c) => takes(c) && batchNormInternal(c),
    },
  };
}

function cudaTarget(capabilities: Capabilities): Target {
  const takes = (c: LoweringContext) => computes(capabilities, c);
  return {
    name: 'cuda',
    kernels: false,
    ops: opsWithKernels(capabilities.kernels),
    takes,
    rewrites: {
      [convGrad]: (c) =>
        !takes(c) && opsWithKernels(capabilities.kernels).has(convGrad) && cudaConv.convGrad(c),
      ConvTranspose: cudaConv.convTranspose,
      [batchNorm]: (c) => (takes(c) ? batchNormInternal(c) : batchStatistics(c)),
      SoftmaxCrossEntropyLoss: wideLabels(1),
      [crossEntropyGrad]: wideLabels(2),
    },
  };
}
