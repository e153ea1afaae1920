// node check-child.js LIBRARY DEVICE: tries a runtime, and sends the parent a RuntimeCheck or { error }.

import { loadCudaLibraries } from '../addon/cuda-libraries/load.js';
import { GraphBuilder, makeModel } from '../onnx/builder.js';
import { microsoft } from '../onnx/domains.js';
import { DataType } from '../onnx/tensors/tensor.js';
import { CUDA_PROVIDER, openRuntime, type Runtime } from '../ort/library.js';
import { Session } from '../ort/session.js';
import type { RuntimeCheck } from './check.js';

const [library, device] = process.argv.slice(2) as [string, string];
// The parent is gone, or has been told all.
process.on('disconnect', () => process.exit());

/** One node on float vectors of 4 elements: y of x, or of x and the gradient. */
function oneNode(opType: string, inputs: readonly string[], domain = '') {
  const builder = new GraphBuilder();
  for (const name of inputs) builder.input(name, 'float', [4]);
  builder.op(opType, inputs, {}, { domain, outputs: ['y'] });
  builder.output('y', 'float', [4]);
  return makeModel(builder.graph, domain ? { [domain]: 1 } : {});
}

async function assertWorks(runtime: Runtime): Promise<void> {
  const ordinal = /^cuda:?(\d*)$/.exec(device)?.[1];
  const options =
    ordinal === undefined
      ? {}
      : { providers: [{ name: CUDA_PROVIDER, options: { device_id: ordinal || '0' } }] };
  const session = await Session.create(runtime, oneNode('Relu', ['x']), options);
  const x = { type: DataType.float, dims: [4], data: Float32Array.of(-1, 2, -3, 4) };
  const y = [...((await session.run({ x })).get('y')!.data as Float32Array)];
  session.dispose();
  if (y.join() !== '0,2,0,4') throw new Error(`Relu of -1, 2, -3, 4 on ${device} is ${y.join(', ')}.`);
}

async function hasTrainingKernels(runtime: Runtime): Promise<boolean> {
  try {
    const session = await Session.create(runtime, oneNode('ReluGrad', ['dy', 'x'], microsoft));
    session.dispose();
    return true;
  } catch {
    return false;
  }
}

async function check(): Promise<RuntimeCheck> {
  if (device !== 'cpu') loadCudaLibraries();
  const runtime = openRuntime(library, device);
  await assertWorks(runtime);
  const { version, providers } = runtime;
  return { version, providers, training: await hasTrainingKernels(runtime) };
}

/** Of CUDA's errors what CUDA says, without where in ONNX Runtime. */
const reasonOf = ({ message }: Error): string =>
  /CUDA failure \d+: [^;]*/.exec(message)?.[0].trim() ?? message;

const answer = await check().catch((error: Error) => ({ error: reasonOf(error) }));
process.send!(answer, () => process.disconnect());
