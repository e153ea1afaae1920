import test from 'ava';
import { costOf, type Operand } from '../../../src/bench/kernels/cost.js';
import { rooflineOf } from '../../../src/bench/kernels/roofline.js';

const float = (...dims: number[]): Operand => ({ dims, bytes: 4 });
const long = (...dims: number[]): Operand => ({ dims, bytes: 8 });

/** [op, inputs, outputs, FLOP by hand, bytes by hand] */
const calls: [string, Operand[], Operand[], number | null, number][] = [
  // 2·(2·4·5·5 outputs)·(3·3·3 taps); x 2·3·5·5, w 4·3·3·3, y 2·4·5·5.
  ['Conv', [float(2, 3, 5, 5), float(4, 3, 3, 3)], [float(2, 4, 5, 5)], 10_800, 4 * (150 + 108 + 200)],
  // Two groups: 2 channels each.
  ['Conv', [float(1, 4, 3, 3), float(6, 2, 1, 1)], [float(1, 6, 3, 3)], 216, 4 * (36 + 12 + 54)],
  ['ConvTranspose', [float(1, 2, 3, 3), float(2, 5, 2, 2)], [float(1, 5, 6, 6)], 720, 4 * (18 + 40 + 180)],
  // dX and dW: each as much as the forward; dB: one sum an element.
  [
    'ConvGrad',
    [float(2, 4, 5, 5), float(2, 3, 5, 5), float(4, 3, 3, 3)],
    [float(2, 3, 5, 5), float(4, 3, 3, 3), float(4)],
    21_800,
    4 * (200 + 150 + 108 + 150 + 108 + 4),
  ],
  ['ConvGradInput', [float(2, 4, 5, 5), float(4, 3, 3, 3)], [float(2, 3, 5, 5)], 10_800, 4 * 458],
  ['ConvGradWeight', [float(2, 3, 5, 5), float(2, 4, 5, 5)], [float(4, 3, 3, 3)], 10_800, 4 * 458],
  ['MatMul', [float(7, 2, 3), float(7, 3, 5)], [float(7, 2, 5)], 420, 4 * (42 + 105 + 70)],
  // Aᵀ·B with A 8×2.
  ['Gemm', [float(8, 2), float(8, 5)], [float(2, 5)], 160, 4 * (16 + 40 + 10)],
  ['FusedMatMul', [float(3, 4, 6), float(3, 5, 6)], [float(3, 4, 5)], 720, 4 * (72 + 90 + 60)],
  [
    'BatchNorm',
    [float(2, 3, 4, 4), ...Array(4).fill(float(3))],
    [float(2, 3, 4, 4)],
    576,
    4 * (96 + 12 + 96),
  ],
  ['BatchNormGrad', [float(2, 3), float(2, 3), ...Array(4).fill(float(3))], [float(2, 3)], 48, 4 * 30],
  ['Add', [float(2, 3), float(3)], [float(2, 3)], 6, 60],
  ['ReduceSum', [float(4, 5), long(1)], [float(5)], 20, 80 + 8 + 20],
  ['Reshape', [float(4, 5), long(2)], [float(20)], 0, 0],
  ['Transpose', [float(4, 5)], [float(5, 4)], 0, 160],
  // Reads what it writes, not the table.
  ['Gather', [float(1000, 4), long(3)], [float(3, 4)], 0, 96],
  ['SomethingNew', [float(10)], [float(5)], null, 60],
];

test('operations and bytes are those counted by hand', (t) => {
  for (const [op, inputs, outputs, flop, bytes] of calls)
    t.deepEqual(costOf({ op, inputs, outputs }), { flop, bytes }, op);
});

test('a roofline names the limit and the share of it that is reached', (t) => {
  const limits = { flopPerSecond: 1000, bytesPerSecond: 100 };
  t.deepEqual(rooflineOf({ flop: 400, bytes: 10 }, 0.8, limits), {
    ...{ flopPerSecond: 500, bytesPerSecond: 12.5, intensity: 40, limit: 'compute', efficiency: 0.5 },
  });
  t.like(rooflineOf({ flop: 20, bytes: 10 }, 0.2, limits), { limit: 'memory', efficiency: 0.5 });
  t.like(rooflineOf({ flop: null, bytes: 50 }, 1, limits), { flopPerSecond: null, efficiency: 0.5 });
  t.like(rooflineOf({ flop: 0, bytes: 0 }, 1, limits), { limit: null, efficiency: null });
});
