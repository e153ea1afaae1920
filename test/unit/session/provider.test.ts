import test from 'ava';
import { placeOn, runConfigOn } from '../../../src/session/provider.js';
import { CpuDevice } from '../../../src/vectors/device/cpu.js';
import { CudaDevice } from '../../../src/vectors/device/cuda/cuda-device.js';
import { emulatedTest } from '../../emulator/device.js';

test('sessions on the CPU need no provider', (t) => {
  const device = new CpuDevice(1);
  t.deepEqual(placeOn(device, { halfPrecision: true }), {});
  t.deepEqual(runConfigOn(device), {});
});

emulatedTest('sessions run on a GPU’s stream, captured or not', async (t, { native, device }) => {
  const { providers, exclusiveOn } = placeOn(device);
  const [provider] = providers!;
  t.is(provider!.name, 'CUDA');
  t.like(provider!.options, { device_id: '0', user_compute_stream: native.streamAddress, use_tf32: '0' });
  t.is(provider!.options!.enable_cuda_graph, undefined);
  t.is(exclusiveOn, undefined);
  t.deepEqual(runConfigOn(device), { disable_synchronize_execution_providers: '1' });
  t.false(device.facts.capturesRuns);
  const capturing = new CudaDevice(native, 0, { threads: 1, cudaGraphs: true });
  t.true(capturing.facts.capturesRuns);
  const captured = placeOn(capturing, { capture: true });
  t.deepEqual(captured.providers![0]!.options, { ...provider!.options, enable_cuda_graph: '1' });
  t.is(captured.exclusiveOn, native);
});

emulatedTest(
  'float32 and TF32 of a process share no algorithms that ONNX Runtime keeps',
  async (t, { native, device }) => {
    const optionsOn = (on: CudaDevice) => placeOn(on).providers![0]!.options;
    const tf32 = new CudaDevice(native, 0, { threads: 1, tf32: true });
    t.like(optionsOn(device), { use_tf32: '0', cudnn_conv_algo_search: 'EXHAUSTIVE' });
    t.like(optionsOn(tf32), { use_tf32: '1', cudnn_conv_algo_search: 'HEURISTIC' });
    t.like(optionsOn(device), { use_tf32: '0', cudnn_conv_algo_search: 'EXHAUSTIVE' });
  },
);

emulatedTest('half precision computes on tensor cores', async (t, { device }) => {
  const [provider] = placeOn(device).providers!;
  t.deepEqual(placeOn(device, { halfPrecision: true }), {
    providers: [{ name: 'CUDA', options: { ...provider!.options, use_tf32: '1' } }],
  });
});
