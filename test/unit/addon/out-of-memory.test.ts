import test from 'ava';
import { memoryShortage } from '../../../src/addon/out-of-memory.js';

// Messages of ONNX Runtime 1.28, CUDA 13 and the addon.
const shortages: [string, number | undefined][] = [
  [
    "Non-zero status code returned while running ConvGrad node. Name:'conv_grad' Status Message: /onnxruntime/core/framework/bfc_arena.cc:376 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, Stream*) Failed to allocate memory for requested buffer of size 1342177280",
    1342177280,
  ],
  ['bfc_arena.cc:347: Available memory of 1048576 is smaller than requested bytes of 4194304', 4194304],
  ['cannot allocate 4096 bytes on cuda:0: 12 of 100 bytes are free', 4096],
  ['CUDA failure 2: out of memory ; GPU=0 ; hostname=x ; file=cuda_allocator.cc', undefined],
  ['CUDNN failure 4: CUDNN_STATUS_ALLOC_FAILED ; GPU=0', undefined],
  ['std::bad_alloc', undefined],
];

for (const [message, bytes] of shortages)
  test(`a shortage: ${message.slice(0, 60)}`, (t) => t.deepEqual(memoryShortage(message), { bytes }));

test('other messages are no shortage', (t) => {
  t.is(memoryShortage('Got invalid dimensions for input: images index: 0 Got: 3 Expected: 4'), undefined);
  t.is(memoryShortage('CUDA failure 35: CUDA driver version is insufficient'), undefined);
});
