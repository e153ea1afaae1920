import test from 'ava';
import type { NativeBinding } from '../../../src/addon/types.js';
import type { FlatminError } from '../../../src/errors.js';
import { runBinding } from '../../../src/ort/session.js';

const failing = (message: string): NativeBinding =>
  ({ run: async () => Promise.reject(new Error(message)) }) as never;

async function errorOf(message: string): Promise<{ code: string; message: string }> {
  const error = await runBinding(failing(message)).catch((caught) => caught as FlatminError);
  return { code: (error as FlatminError).code, message: (error as FlatminError).message };
}

test('a run that lacks memory says how much was asked for, and where', async (t) => {
  const text =
    "Non-zero status code returned while running ConvGrad node. Name:'conv_grad_7' Status Message: bfc_arena.cc:376 Failed to allocate memory for requested buffer of size 1342177280\n";
  t.deepEqual(await errorOf(text), {
    code: 'OUT_OF_MEMORY',
    message:
      'ONNX Runtime could not run the model: the memory does not suffice: 1280.0 MiB more were asked for in node "conv_grad_7" (ConvGrad).',
  });
  t.deepEqual(await errorOf('CUDA failure 2: out of memory ; GPU=0 ; hostname=x ; file=a.cc ; line=1'), {
    code: 'OUT_OF_MEMORY',
    message: 'ONNX Runtime could not run the model: the memory does not suffice.',
  });
});

test('other failures are told in ONNX Runtime’s words, without places in its sources', async (t) => {
  t.deepEqual(
    await errorOf(
      'CUDA failure 35: CUDA driver version is insufficient ; GPU=32767 ; hostname=x ; file=a.cc ; line=1',
    ),
    {
      code: 'RUNTIME',
      message: 'ONNX Runtime could not run the model: CUDA failure 35: CUDA driver version is insufficient',
    },
  );
});
