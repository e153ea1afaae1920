// node child.js LIBRARY DEVICE FIRST: runs the probes from place FIRST on, and tells the parent before and after each.

import { loadCudaLibraries } from '../../addon/cuda-libraries/load.js';
import type { NativeSessionOptions } from '../../addon/types.js';
import { GraphBuilder, makeModel } from '../../onnx/builder.js';
import { DataType } from '../../onnx/tensors/tensor.js';
import { CUDA_PROVIDER, openRuntime, type Runtime } from '../../ort/library.js';
import { Session } from '../../ort/session.js';
import { deviceKind } from '../capabilities.js';
import { probesOf } from './cases.js';
import type { ProbeMessage } from './message.js';
import { runProbe } from './run.js';

const [library, device, first] = process.argv.slice(2) as [string, string, string];
// The parent is gone, or has been told all.
process.on('disconnect', () => process.exit());
const tell = (message: ProbeMessage) =>
  new Promise<void>((sent) => {
    process.send!(message, () => sent());
  });

/** Sessions whose every node runs on the device: a node that has no kernel there is refused, not put on the CPU. */
function deviceOptions(): NativeSessionOptions {
  if (deviceKind(device) === 'cpu') return {};
  const ordinal = device.split(':')[1] ?? '0';
  return {
    providers: [{ name: CUDA_PROVIDER, options: { device_id: ordinal, use_tf32: '0' } }],
    config: { 'session.disable_cpu_ep_fallback': '1' },
  };
}

/** The sum of two vectors: whether the device works at all. */
async function assertDeviceWorks(runtime: Runtime, options: NativeSessionOptions): Promise<void> {
  const builder = new GraphBuilder();
  for (const name of ['a', 'b']) builder.input(name, 'float', [2]);
  builder.op('Add', ['a', 'b'], {}, { outputs: ['sum'] });
  builder.output('sum', 'float', [2]);
  const session = await Session.create(runtime, makeModel(builder.graph), options);
  const vector = { type: DataType.float, dims: [2], data: Float32Array.of(1, 2) };
  await session.run({ a: vector, b: vector });
  session.dispose();
}

async function run(): Promise<void> {
  if (deviceKind(device) === 'cuda') loadCudaLibraries();
  const runtime = openRuntime(library, device);
  const options = deviceOptions();
  await assertDeviceWorks(runtime, options);
  const probes = probesOf(deviceKind(device));
  for (let place = Number(first); place < probes.length; place++) {
    await tell({ kind: 'begin', place });
    const reason = await runProbe(runtime, probes[place]!, options).catch((error: Error) => error.message);
    await tell({ kind: 'end', place, ...(reason !== undefined && { reason }) });
  }
  await tell({ kind: 'done' });
}

await run().catch((error: Error) => tell({ kind: 'unusable', reason: error.message }));
process.disconnect();
