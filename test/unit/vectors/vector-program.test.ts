import test from 'ava';
import { addon } from '../../../src/addon/addon.js';
import type { DeviceBuffer } from '../../../src/addon/types.js';
import { allocate } from '../../../src/ort/session.js';
import { CpuDevice } from '../../../src/vectors/device/cpu.js';
import type { Range } from '../../../src/vectors/device/device.js';
import { compile } from '../../../src/vectors/program/compile.js';
import {
  assign,
  dot,
  type Statement,
  scalar,
  sum,
  sumOfSquares,
  type Term,
  vector,
} from '../../../src/vectors/program/expression.js';
import { program, type VectorProgram } from '../../../src/vectors/program/program.js';
import { RandomStream } from '../../gradcheck/random.js';
import {
  download,
  interpret,
  randomStatements,
  randomVectors,
  type Scalars,
  sameElements,
  upload,
} from './random-program.js';

/** Runs a program on the CPU, and knows its sums. */
async function runOn(
  which: VectorProgram,
  buffers: Record<string, DeviceBuffer>,
  ranges: readonly Range[],
  threads: number,
): Promise<number[]> {
  return (await new CpuDevice(threads).run(which, buffers, ranges)).map((sum) => sum.known!);
}

for (let seed = 0; seed < 60; seed++) {
  test(`random program ${seed} equals plain JavaScript, bit for bit`, async (t) => {
    const random = new RandomStream(`vector program ${seed}`);
    const statements = randomStatements(random, 1 + (seed % 5));
    const length = 1 + Math.floor(random.uniform(0, 3000));
    const cut = Math.floor(random.uniform(0, length));
    const ranges = [
      { first: 0, count: cut, scalars: { s: 0.3, t: -1.7 } },
      { first: cut, count: length - cut, scalars: { s: -2.5, t: 0.01 } },
    ];
    const vectors = randomVectors(random, length);
    const buffers = upload(vectors);
    const sums = await runOn(program(...statements), buffers, ranges, 2);
    const expected = interpret(statements, vectors, ranges);
    for (const [name, found] of Object.entries(download(buffers)))
      t.true(sameElements(found, vectors[name]!), `vector ${name}`);
    t.is(sums.length, expected.length);
    for (const [k, sum] of sums.entries()) {
      if (Number.isFinite(expected[k]!))
        t.true(Math.abs(sum - expected[k]!) <= 1e-12 * Math.abs(expected[k]!));
      else t.is(sum, expected[k]!);
    }
  });
}

const [a, b, c] = [vector('a'), vector('b'), vector('c')];
const [s, u] = [scalar('s'), scalar('u')];

/** Runs statements on short vectors, under one row of scalars. */
async function run(
  statements: Statement[],
  vectors: Record<string, number[]>,
  scalars: Scalars = {},
): Promise<Record<string, number[]>> {
  const buffers = upload(
    Object.fromEntries(Object.entries(vectors).map(([name, values]) => [name, Float32Array.from(values)])),
  );
  const count = Object.values(vectors)[0]!.length;
  const sums = await runOn(program(...statements), buffers, [{ first: 0, count, scalars }], 2);
  const after = Object.entries(download(buffers)).map(([name, values]) => [name, [...values]]);
  return { sums, ...Object.fromEntries(after) };
}

test('later statements see what earlier ones assigned', async (t) => {
  const found = await run([assign(a, a.plus(b)), assign(b, a.times(b)), sumOfSquares(b)], {
    a: [1, 2],
    b: [3, 4],
  });
  t.deepEqual(found, { sums: [12 ** 2 + 24 ** 2], a: [4, 6], b: [12, 24] });
});

test('a subexpression is computed afresh once a vector it reads has changed, and only then', async (t) => {
  const total = a.plus(b);
  const statements = [assign(c, total), assign(a, total), assign(c, c.plus(total))];
  t.deepEqual(await run(statements, { a: [1], b: [10], c: [0] }), { sums: [], a: [11], b: [10], c: [32] });

  const swap = [assign(c, a), assign(a, b), assign(b, c)];
  t.deepEqual(await run(swap, { a: [1], b: [2], c: [0] }), { sums: [], a: [2], b: [1], c: [1] });
});

test('a subexpression used twice is computed once', (t) => {
  const product = a.times(b);
  const count = (statements: Statement[]) => compile(statements).instructions.length;
  // Loads of a and b, the product, two stores.
  t.is(count([assign(vector('x'), product), assign(vector('y'), product)]), 5);
  t.is(count([assign(vector('x'), product), assign(vector('y'), a.times(b))]), 6, 'equal is not the same');
});

test('scalars stand on either side of an operation, and alone', async (t) => {
  const values = { a: [2, -4] };
  const result = async (value: Term) => (await run([assign(a, value)], values, { s: 8, u: 3 })).a;
  t.deepEqual(await result(a.plus(s)), [10, 4]);
  t.deepEqual(await result(s.plus(a)), [10, 4]);
  t.deepEqual(await result(a.minus(s)), [-6, -12]);
  t.deepEqual(await result(s.minus(a)), [6, 12]);
  t.deepEqual(await result(a.times(s)), [16, -32]);
  t.deepEqual(await result(a.over(s)), [0.25, -0.5]);
  t.deepEqual(await result(s.over(a)), [4, -2]);
  t.deepEqual(await result(s), [8, 8]);
  t.deepEqual(await result(s.times(a).minus(u)), [13, -35]);
});

test('sums of squares are exact beyond the range of float32', async (t) => {
  const { sums } = await run([sumOfSquares(a)], { a: [1e30, -1e30] });
  t.true(Math.abs(sums![0]! / (2 * Math.fround(1e30) ** 2) - 1) < 1e-15);
  t.deepEqual((await run([sumOfSquares(a), sumOfSquares(b)], { a: [3, 4], b: [0, 1] })).sums, [25, 1]);
  t.deepEqual((await run([sumOfSquares(a)], { a: [1, Number.NaN] })).sums, [Number.NaN]);
});

test('sums of values and products, several in one pass', async (t) => {
  const { sums } = await run([sum(a), dot(a, b), sumOfSquares(b), sum(a.minus(b))], {
    a: [1, -2, 3],
    b: [4, 5, -6],
  });
  t.deepEqual(sums, [2, 4 - 10 - 18, 16 + 25 + 36, -3 - 7 + 9]);
  // 2²⁴ + 1 is no float32, but the sum is in float64.
  t.deepEqual((await run([sum(a)], { a: [2 ** 24, 1, 1] })).sums, [2 ** 24 + 2]);
});

test('each range has its own scalars, and what lies outside the ranges stays', async (t) => {
  const buffers = upload({ a: Float32Array.from({ length: 100 }, () => 1) });
  const ranges = [
    { first: 10, count: 5, scalars: { s: 2 } },
    { first: 15, count: 5, scalars: { s: 3 } },
    { first: 50, count: 0, scalars: { s: 9 } },
    { first: 99, count: 1, scalars: { s: 4 } },
  ];
  const [squares] = await runOn(program(assign(a, s.times(a)), sumOfSquares(a)), buffers, ranges, 2);
  const expected = Array.from({ length: 100 }, (_, i) =>
    i === 99 ? 4 : i >= 10 && i < 15 ? 2 : i >= 15 && i < 20 ? 3 : 1,
  );
  t.deepEqual([...download(buffers).a!], expected);
  t.is(squares, 5 * 4 + 5 * 9 + 16);
});

test('no ranges, no work', async (t) => {
  t.deepEqual(await runOn(program(assign(a, a.plus(a)), sumOfSquares(a)), { a: allocate(4) }, [], 2), [0]);
});

test('results are the same on any number of threads, bit for bit', async (t) => {
  const length = 1_000_003;
  const random = new RandomStream('threads');
  const vectors = randomVectors(random, length);
  const statements = [
    sumOfSquares(a.plus(s.times(b))),
    assign(a, a.minus(s.times(b.over(c.magnitude.root.plus(s))))),
    sumOfSquares(a),
  ];
  const ranges = [
    { first: 3, count: 500_000, scalars: { s: 0.1 } },
    { first: 500_003, count: 500_000, scalars: { s: 0.2 } },
  ];
  const results = [];
  for (const threads of [1, 2, 3]) {
    const buffers = upload(vectors);
    const sums = await runOn(program(...statements), buffers, ranges, threads);
    results.push({ sums, a: Buffer.from(download(buffers).a!.buffer) });
  }
  t.true(results[0]!.sums.every((sum) => sum > 0));
  for (const result of results.slice(1)) {
    t.deepEqual(result.sums, results[0]!.sums);
    t.true(result.a.equals(results[0]!.a));
  }
});

test('two runs at once do not disturb each other', async (t) => {
  const square = program(sumOfSquares(a), assign(a, a.plus(s)));
  const runs = Array.from({ length: 8 }, async (_, k) => {
    const buffers = upload({ a: new Float32Array(200_000).fill(k) });
    const [sum] = await runOn(square, buffers, [{ first: 0, count: 200_000, scalars: { s: k } }], 2);
    return [sum, download(buffers).a!.every((value) => value === 2 * k)];
  });
  t.deepEqual(
    await Promise.all(runs),
    Array.from({ length: 8 }, (_, k) => [200_000 * k * k, true]),
  );
});

test('a program names the vector or scalar that it lacks', async (t) => {
  const all = program(assign(a, s.times(b)));
  const range = { first: 0, count: 1, scalars: { s: 1 } };
  await t.throwsAsync(runOn(all, { a: allocate(4) }, [range], 1), { message: /vector "b"/ });
  await t.throwsAsync(runOn(all, { a: allocate(4), b: allocate(4) }, [{ ...range, scalars: {} }], 1), {
    message: /scalar "s"/,
  });
});

test('what is no elementwise program is refused when it is built', (t) => {
  t.throws(() => program(assign(a, s.times(u))), { instanceOf: TypeError, message: /scalars/ });
  t.throws(() => program(assign(a, a.plus(s.plus(u)))), { instanceOf: TypeError, message: /scalars/ });
  t.throws(() => assign(s, a), { instanceOf: TypeError, message: /vector/ });
  t.throws(() => assign(a.plus(b), a), { instanceOf: TypeError, message: /vector/ });
});

test('ranges outside a vector and disposed vectors are refused', async (t) => {
  const double = program(assign(a, a.plus(a)));
  const on = (buffer: DeviceBuffer, first: number, count: number) =>
    runOn(double, { a: buffer }, [{ first, count, scalars: {} }], 1);
  const buffer = allocate(40);
  for (const [first, count] of [
    [0, 11],
    [10, 1],
    [11, 0],
    [-1, 1],
    [0, Number.NaN],
    [2 ** 53, 1],
    [0, Infinity],
  ] as const)
    await t.throwsAsync(on(buffer, first, count), undefined, `[${first}, ${count}]`);
  await t.notThrowsAsync(on(buffer, 0, 10));
  await t.notThrowsAsync(on(buffer, 10, 0));
  buffer.dispose();
  await t.throwsAsync(on(buffer, 0, 1), { message: /disposed/ });
});

test('where the order of elements would matter, a program is refused', async (t) => {
  const add = program(assign(a, a.plus(b)));
  const buffer = allocate(80);
  const range = { first: 0, count: 10, scalars: {} };
  await t.throwsAsync(runOn(add, { a: buffer, b: buffer.view(4, 76) }, [range], 1), { message: /overlap/ });
  await t.throwsAsync(runOn(add, { a: buffer, b: allocate(80) }, [range, { ...range, first: 9 }], 1), {
    message: /overlap/,
  });
  const only = program(sumOfSquares(a.plus(b)));
  await t.notThrowsAsync(
    runOn(only, { a: buffer, b: buffer }, [range, range], 1),
    'reading twice is harmless',
  );
});

test('threads are a positive number', async (t) => {
  const square = program(sumOfSquares(a));
  for (const threads of [0, -1, 1.5, Number.NaN])
    await t.throwsAsync(runOn(square, { a: allocate(4) }, [{ first: 0, count: 1, scalars: {} }], threads));
});

test('the addon has the operations that terms are written with, and no other', (t) => {
  const twice = (of: 'plus' | 'minus' | 'times' | 'over' | 'max') => [a[of](b), a[of](s), s[of](a)];
  const terms = [
    ...(['plus', 'minus', 'times', 'over', 'max'] as const).flatMap(twice),
    ...[a.squared, a.root, a.magnitude, a.sign, s],
  ];
  const { instructions } = compile([...terms.map((term) => assign(b, term)), sum(a), sumOfSquares(a)]);
  t.deepEqual([...new Set(instructions.map(({ op }) => op))].sort(), [...addon.vectorOps].sort());
});

test('code that is no valid program is refused', (t) => {
  const op = (name: string) => addon.vectorOps.indexOf(name);
  const load = [op('Load'), 0, 0, 0];
  const sizes = { registers: 1, slots: 1, scalars: 1, accumulators: 1 };
  const refused: [number[], RegExp][] = [
    [[999, 0, 0, 0], /unknown op/],
    [[op('Load'), 1, 0, 0], /\(Load\): register 1/],
    [[op('Load'), 0, 1, 0], /slot 1/],
    [[op('Store'), 0, 0, 0], /before it is written/],
    [[...load, op('AddScalar'), 0, 0, 1], /scalar 1/],
    [[...load, op('SumSquares'), 1, 0, 0], /accumulator 1/],
    [[0, 0, 0], /quadruples/],
  ];
  for (const [code, message] of refused)
    t.throws(() => new addon.VectorProgram(Uint32Array.from(code), sizes), { message }, `${code}`);
  t.throws(() => new addon.VectorProgram(new Uint32Array(0), { ...sizes, registers: 1e6 }));
  t.throws(() => new addon.VectorProgram(new Uint32Array(0), { ...sizes, slots: -1 }));
  t.throws(() => new addon.VectorProgram(new Float32Array(4) as unknown as Uint32Array, sizes));
  t.throws(() => new addon.VectorProgram(new Uint32Array(0), undefined as unknown as typeof sizes));
});
