import test from 'ava';
import { FlatminError } from '../../../src/errors.js';
import { type AttributeValue, makeAttribute } from '../../../src/onnx/attributes.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import type { Node } from '../../../src/onnx/proto.js';
import { extent, isCeilMode, readWindow, windowAttributes } from '../../../src/onnx/shapes/window.js';
import { DataType, elementCount } from '../../../src/onnx/tensors/tensor.js';
import { openRuntime } from '../../../src/ort/library.js';
import { Session } from '../../../src/ort/session.js';

const conv = (attributes: Record<string, AttributeValue>): Node => ({
  opType: 'Conv',
  name: 'c',
  input: ['x', 'w'],
  output: ['y'],
  attribute: Object.entries(attributes).map(([name, value]) => makeAttribute(name, value)),
});

test('defaults: unit strides and dilations, no padding', (t) => {
  t.deepEqual(readWindow(conv({ kernel_shape: [3, 5] }), [8, 8]), {
    kernel: [3, 5],
    strides: [1, 1],
    dilations: [1, 1],
    padsBegin: [0, 0],
    padsEnd: [0, 0],
  });
});

test('explicit attributes; pads are all begins, then all ends', (t) => {
  const window = readWindow(
    conv({ kernel_shape: [3, 5], strides: [2, 3], dilations: [1, 2], pads: [1, 2, 3, 4] }),
    [8, 8],
  );
  t.deepEqual(window, {
    kernel: [3, 5],
    strides: [2, 3],
    dilations: [1, 2],
    padsBegin: [1, 2],
    padsEnd: [3, 4],
  });
  t.is(extent(window, 0), 3);
  t.is(extent(window, 1), 9);
  t.deepEqual(windowAttributes(window), {
    kernel_shape: [3, 5],
    strides: [2, 3],
    dilations: [1, 2],
    pads: [1, 2, 3, 4],
  });
});

test('the kernel is taken from the weight where the node does not name it', (t) => {
  t.deepEqual(readWindow(conv({}), [8], [3]).kernel, [3]);
  t.throws(() => readWindow(conv({}), [8]), {
    instanceOf: FlatminError,
    message: /Conv "c" has no kernel_shape/,
  });
});

test('auto_pad: the odd zero is at the end or the beginning', (t) => {
  const pads = (autoPad: string, size: number, more: Record<string, AttributeValue>) => {
    const { padsBegin, padsEnd } = readWindow(conv({ auto_pad: autoPad, ...more }), [size]);
    return [padsBegin[0], padsEnd[0]];
  };
  t.deepEqual(pads('SAME_UPPER', 8, { kernel_shape: [4] }), [1, 2]);
  t.deepEqual(pads('SAME_LOWER', 8, { kernel_shape: [4] }), [2, 1]);
  t.deepEqual(pads('SAME_UPPER', 8, { kernel_shape: [3], strides: [2] }), [0, 1]);
  t.deepEqual(pads('SAME_UPPER', 7, { kernel_shape: [3], strides: [2] }), [1, 1]);
  t.deepEqual(pads('SAME_UPPER', 8, { kernel_shape: [3], dilations: [2] }), [2, 2]);
  t.deepEqual(pads('SAME_UPPER', 8, { kernel_shape: [1], strides: [2] }), [0, 0], 'never below zero');
  t.deepEqual(pads('VALID', 8, { kernel_shape: [3] }), [0, 0]);
});

test('auto_pad gives what ONNX Runtime gives', async (t) => {
  const runtime = openRuntime('stock');
  const random = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i * i));
  const run = async (attributes: Record<string, AttributeValue>, size: number[]) => {
    const builder = new GraphBuilder();
    const [x, w] = [
      [1, 1, ...size],
      [1, 1, 3, 2],
    ] as const;
    builder.input('x', 'float', x);
    builder.input('w', 'float', w);
    builder.output(builder.op('Conv', ['x', 'w'], attributes), 'float');
    const session = await Session.create(runtime, makeModel(builder.graph));
    const host = (dims: readonly number[]) => ({
      type: DataType.float,
      dims,
      data: random(elementCount(dims)),
    });
    const [result] = (await session.run({ x: host(x), w: host(w) })).values();
    return [result!.dims, [...(result!.data as Float32Array)]];
  };
  for (const auto_pad of ['SAME_UPPER', 'SAME_LOWER', 'VALID']) {
    for (const strides of [
      [1, 1],
      [2, 3],
    ]) {
      for (const size of [
        [6, 7],
        [7, 9],
      ]) {
        const attributes = { auto_pad, strides, kernel_shape: [3, 2] };
        const explicit = windowAttributes(readWindow(conv(attributes), size));
        t.deepEqual(await run(explicit, size), await run(attributes, size), `${auto_pad} ${strides} ${size}`);
      }
    }
  }
});

test('ceil_mode', (t) => {
  t.true(isCeilMode(conv({ ceil_mode: 1 })));
  t.false(isCeilMode(conv({ ceil_mode: 0 })));
  t.false(isCeilMode(conv({})));
});
