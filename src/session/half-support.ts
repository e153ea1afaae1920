import { capabilitiesOf } from '../capabilities/capabilities-of.js';
import { hasHalfKernel } from '../capabilities/half-kernels.js';
import type { GraphOptions } from '../compile/build-graph.js';
import type { Precision } from '../compile/precision.js';
import type { Runtime } from '../ort/library.js';
import type { Device } from '../vectors/device/device.js';

/** Which operators have half-precision kernels where a graph is to run; 'none' where it is emulated. */
export async function halfKernelsOf(
  runtime: Runtime,
  device: Device,
  precision: Precision,
): Promise<GraphOptions['halfKernels']> {
  if (!device.facts.hasHalfPrecision || (precision !== 'fp16' && precision !== 'bf16')) return 'none';
  const capabilities = await capabilitiesOf(runtime, device.name);
  const type = precision === 'fp16' ? 'float16' : 'bfloat16';
  return (op) => hasHalfKernel(capabilities, op, type);
}
