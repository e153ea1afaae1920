import { CpuDevice } from '../../../../src/vectors/device/cpu.js';
import type { Device, Range } from '../../../../src/vectors/device/device.js';
import {
  assign,
  type BinaryOp,
  type Statement,
  scalar,
  sum,
  sumOfSquares,
  Term,
  type UnaryOp,
  vector,
} from '../../../../src/vectors/program/expression.js';
import { program, type VectorProgram } from '../../../../src/vectors/program/program.js';
import { type EmulatedGpu, emulatedTest } from '../../../emulator/device.js';
import { RandomStream } from '../../../gradcheck/random.js';

const cpu = new CpuDevice(2);
const [a, b, c] = [vector('a'), vector('b'), vector('c')];
const [s, u] = [scalar('s'), scalar('t')];

/** Vectors after a program, and its sums. */
async function runOn(
  device: Device,
  which: VectorProgram,
  vectors: Record<string, Float32Array>,
  ranges: readonly Range[],
): Promise<{ vectors: Record<string, Float32Array>; sums: number[] }> {
  const buffers = Object.fromEntries(
    Object.entries(vectors).map(([name, values]) => {
      const buffer = device.allocate(values.byteLength);
      buffer.write(values);
      return [name, buffer];
    }),
  );
  const sums = await device.run(which, buffers, ranges);
  const after = Object.entries(buffers).map(([name, buffer]) => {
    const values = new Float32Array(vectors[name]!.length);
    buffer.read(values);
    return [name, values];
  });
  return { vectors: Object.fromEntries(after), sums: await Promise.all(sums.map((each) => each.read())) };
}

/** NaNs are one value; the sign of zero is open where min and max leave it so. */
const differ = (x: Float32Array, y: Float32Array): number =>
  x.findIndex((value, i) => !(value === y[i] || (Number.isNaN(value) && Number.isNaN(y[i]!))));

async function compare(
  t: { is(a: unknown, b: unknown, message?: string): unknown; true(a: boolean, message?: string): unknown },
  { device }: EmulatedGpu,
  which: VectorProgram,
  vectors: Record<string, Float32Array>,
  ranges: readonly Range[],
): Promise<void> {
  const [expected, found] = [
    await runOn(cpu, which, vectors, ranges),
    await runOn(device, which, vectors, ranges),
  ];
  for (const [name, values] of Object.entries(found.vectors)) {
    const at = differ(values, expected.vectors[name]!);
    t.is(at, -1, `vector ${name}: ${values[at]}, not ${expected.vectors[name]![at]}`);
  }
  for (const [k, value] of found.sums.entries()) {
    const right = expected.sums[k]!;
    if (Number.isFinite(right)) t.true(Math.abs(value - right) <= 1e-12 * Math.abs(right), `sum ${k}`);
    else t.is(value, right, `sum ${k}`);
  }
}

const special = [0, -0, 1, -1.5, 3.4e38, -3.4e38, 1e-40, -1e-45, 1 / 3, Infinity, -Infinity, Number.NaN];
const all = {
  a: Float32Array.from(special.flatMap((x) => special.map(() => x))),
  b: Float32Array.from(special.flatMap(() => special)),
  c: new Float32Array(special.length ** 2),
};

const unaryOps: UnaryOp[] = ['Abs', 'Sqrt', 'Square', 'Sign'];
const binaryOps: BinaryOp[] = ['Add', 'Sub', 'Mul', 'Div', 'Max'];

emulatedTest('every operation rounds as on the CPU, special values included', async (t, gpu) => {
  const terms: [string, Term][] = [
    ...unaryOps.map((op): [string, Term] => [op, new Term({ kind: 'unary', op, a })]),
    ...binaryOps.map((op): [string, Term] => [op, new Term({ kind: 'binary', op, a, b })]),
    ...binaryOps.map((op): [string, Term] => [`${op}Scalar`, new Term({ kind: 'binary', op, a, b: s })]),
    ...binaryOps.map((op): [string, Term] => [`Scalar${op}`, new Term({ kind: 'binary', op, a: s, b: a })]),
    ['Fill', s],
    ['MulOrZero', s.timesOrZero(a)],
  ];
  // One kernel for all: each has a vector of its own.
  const statements = terms.map(([name, term]) => assign(vector(name), term));
  const vectors = {
    ...all,
    ...Object.fromEntries(terms.map(([name]) => [name, new Float32Array(all.a.length)])),
  };
  for (const value of [2.5, 0, -1e-3, 1e38, Number.NaN])
    await compare(t, gpu, program(...statements), vectors, [
      { first: 0, count: all.a.length, scalars: { s: value } },
    ]);
});

function randomProgram(random: RandomStream): VectorProgram {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random.uniform(0, list.length))]!;
  const names = ['a', 'b', 'c'];
  const term = (depth: number): Term => {
    if (depth === 0) return vector(pick(names));
    const x = term(depth - 1);
    const kind = random.uniform(0, 1);
    if (kind < 0.25) return new Term({ kind: 'unary', op: pick(unaryOps), a: x });
    const y = kind < 0.5 ? pick([s, u]) : term(depth - 1);
    return new Term({
      kind: 'binary',
      op: pick(binaryOps),
      ...(kind < 0.4 ? { a: y, b: x } : { a: x, b: y }),
    });
  };
  const statement = (): Statement => {
    const kind = random.uniform(0, 1);
    if (kind < 0.2) return sum(term(2));
    return kind < 0.4 ? sumOfSquares(term(2)) : assign(vector(pick(names)), term(3));
  };
  return program(...Array.from({ length: 4 }, statement));
}

for (let seed = 0; seed < 6; seed++) {
  emulatedTest(`random program ${seed} equals the CPU's, bit for bit`, async (t, gpu) => {
    const random = new RandomStream(`CUDA program ${seed}`);
    const which = randomProgram(random);
    const length = 1 + Math.floor(random.uniform(0, 10_000));
    const [first, cut] = [
      Math.floor(random.uniform(0, length / 2)),
      Math.floor(random.uniform(0, length / 4)),
    ];
    const vectors = Object.fromEntries(
      ['a', 'b', 'c'].map((name) => [name, Float32Array.from({ length }, () => random.normal())]),
    );
    await compare(t, gpu, which, vectors, [
      { first, count: cut, scalars: { s: 0.3, t: -1.7 } },
      { first: first + cut, count: length - first - cut, scalars: { s: -2.5, t: 0.01 } },
    ]);
  });
}

emulatedTest(
  'many ranges, aligned or not, of many tiles and of none; what is outside stays',
  async (t, gpu) => {
    const length = 60_000;
    const vectors = {
      a: Float32Array.from({ length }, (_, i) => Math.sin(i)),
      b: Float32Array.from({ length }, (_, i) => Math.cos(i)),
    };
    const ranges = [
      { first: 0, count: 1, scalars: { s: 1 } },
      { first: 16, count: 4096, scalars: { s: 2 } },
      { first: 4112, count: 0, scalars: { s: 3 } },
      { first: 4113, count: 4097, scalars: { s: 4 } },
      { first: 9000, count: 30_000, scalars: { s: 5 } },
      { first: 39_001, count: 20_998, scalars: { s: 6 } },
    ];
    await compare(t, gpu, program(assign(a, s.times(a).plus(b)), sumOfSquares(a), sum(b)), vectors, ranges);
  },
);

emulatedTest('later statements see what earlier ones assigned', async (t, gpu) => {
  const swap = program(assign(c, a), assign(a, b), assign(b, c), sum(a), assign(c, a.minus(b)));
  const vectors = { a: Float32Array.of(1, 2, 3), b: Float32Array.of(4, 5, 7), c: new Float32Array(3) };
  await compare(t, gpu, swap, vectors, [{ first: 0, count: 3, scalars: {} }]);
});
