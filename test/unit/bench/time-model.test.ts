import test from 'ava';
import { fillArbitrarily } from '../../../src/bench/arbitrary-numbers.js';
import { timeModel } from '../../../src/bench/time-model.js';
import { emptyGraph, GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { DataType } from '../../../src/onnx/tensors/tensor.js';
import { openRuntime } from '../../../src/ort/library.js';
import { openDevice } from '../../../src/vectors/device/open.js';

const device = openDevice('cpu', { threads: 1 });

test('buffers are filled whole, with numbers in [½, 1½)', (t) => {
  const count = 2 ** 20 + 3;
  const buffer = device.allocate(4 * count);
  fillArbitrarily(buffer, DataType.float, count);
  const values = new Float32Array(count);
  buffer.read(values);
  t.true(values.every((value) => value >= 0.5 && value < 1.5));
  t.is(values[count - 1], values[2]);
  t.true(new Set(values.subarray(0, 100)).size > 90);
});

test('half-precision numbers are in [½, 1)', (t) => {
  for (const [type, least, most] of [
    [DataType.float16, 0x3800, 0x3bff],
    [DataType.bfloat16, 0x3f00, 0x3f7f],
  ] as const) {
    const buffer = device.allocate(200);
    fillArbitrarily(buffer, type, 100);
    const bits = new Uint16Array(100);
    buffer.read(bits);
    t.true(bits.every((one) => one >= least && one <= most));
    t.true(new Set(bits).size > 20);
  }
  const integers = device.allocate(80);
  fillArbitrarily(integers, DataType.int64, 10);
  const zeros = new BigInt64Array(10);
  integers.read(zeros);
  t.true(zeros.every((value) => value === 0n));
});

test('a model is timed as often as asked; one that the runtime refuses is an error', async (t) => {
  const model = (op: string) => {
    const builder = new GraphBuilder(emptyGraph('g'));
    builder.input('x', 'float', [8, 8]);
    builder.op(op, ['x', 'x'], {}, { outputs: ['y'] });
    builder.output('y', 'float', [8, 8]);
    return makeModel(builder.graph);
  };
  const times = await timeModel(device, openRuntime('stock'), model('MatMul'), { seconds: 0, runs: 7 });
  t.is(times.length, 7);
  t.true(times.every((seconds) => seconds > 0 && seconds < 1));
  await t.throwsAsync(timeModel(device, openRuntime('stock'), model('NoSuchOp')), { code: 'RUNTIME' });
});
