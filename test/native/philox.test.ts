import test from 'ava';
import { addon } from '../../src/addon/addon.js';
import { normals, uniforms } from '../../src/addon/random.js';
import { RandomStream } from '../gradcheck/random.js';

type Words = [number, number, number, number];

/** Philox4x32-10 (Salmon et al. 2011) in exact integers. */
function philox(counter: Words, key: [number, number]): Words {
  const product = (a: number, b: number) => {
    const full = BigInt(a) * BigInt(b);
    return [Number(full >> 32n), Number(full & 0xffffffffn)] as const;
  };
  let [x0, x1, x2, x3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const [high0, low0] = product(0xd2511f53, x0);
    const [high1, low1] = product(0xcd9e8d57, x2);
    [x0, x1, x2, x3] = [(high1 ^ x1 ^ k0) >>> 0, low1, (high0 ^ x3 ^ k1) >>> 0, low0];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [x0, x1, x2, x3];
}

/** Known answers of the authors' library, Random123. */
const known: [Words, [number, number], Words][] = [
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
];

test('the reference gives the known answers', (t) => {
  for (const [counter, key, answer] of known) t.deepEqual(philox(counter, key), answer);
});

const low = (value: bigint): number => Number(value & 0xffffffffn);
const high = (value: bigint): number => Number(value >> 32n);

function bits(count: number, seed: bigint, stream: bigint, first: bigint, threads = 1): Uint32Array {
  const out = new Uint32Array(count);
  addon.randomBits(out, seed, stream, first, threads);
  return out;
}

function normalNumbers(
  count: number,
  seed: bigint,
  stream: bigint,
  first: bigint,
  threads = 1,
): Float32Array {
  const out = new Float32Array(count);
  addon.normals(out, seed, stream, first, threads);
  return out;
}

test('bits: the known answer of zeros', (t) => {
  t.deepEqual([...bits(4, 0n, 0n, 0n)], known[0]![2]);
});

test('bits: number 4b + w is word w of block b, for counters and keys of all sizes', (t) => {
  const random = new RandomStream('philox');
  const word = (width: bigint) => {
    const full = BigInt(Math.floor(random.uniform(0, 2 ** 32)));
    return ((full << 32n) | BigInt(Math.floor(random.uniform(0, 2 ** 32)))) >> (64n - width);
  };
  const cases: [bigint, bigint, bigint][] = [
    [0n, 0n, 2n ** 62n - 1n],
    [2n ** 64n - 1n, 2n ** 64n - 1n, 2n ** 62n - 1n],
    [0x299f31d0a4093822n, 0x0370734413198a2en, 0x05a308d3243f6a88n],
    [1n, 1n, 2n ** 32n - 1n],
    [1n, 1n, 2n ** 32n],
  ];
  for (let k = 0; k < 50; k++)
    cases.push([word(64n), word(64n), word(62n)], [word(40n), word(20n), word(34n)]);
  for (const [seed, stream, block] of cases) {
    const counter: Words = [low(block), high(block), low(stream), high(stream)];
    const expected = philox(counter, [low(seed), high(seed)]);
    t.deepEqual([...bits(4, seed, stream, 4n * block)], expected, `${seed} ${stream} ${block}`);
  }
});

test('bits: a block follows another across 2^32', (t) => {
  const first = 4n * (2n ** 32n - 70n);
  const words = bits(4 * 140, 5n, 6n, first);
  for (let k = 0; k < 140; k++) {
    const block = 2n ** 32n - 70n + BigInt(k);
    t.deepEqual([...words.subarray(4 * k, 4 * k + 4)], philox([low(block), high(block), 6, 0], [5, 0]));
  }
});

test('normals: Box–Muller of the bits, within 1e-6 of exact arithmetic', (t) => {
  const count = 400_000;
  const words = bits(count, 11n, 12n, 0n);
  const found = normalNumbers(count, 11n, 12n, 0n);
  let worst = 0;
  for (let i = 0; i < count; i += 2) {
    // float(a div 2) rounds to float32 before the exact scaling; the sum rounds again.
    const u = Math.fround(Math.fround(words[i]! >>> 1) * 2 ** -31 + 2 ** -32);
    const theta = 2 * Math.PI * (words[i + 1]! >>> 5) * 2 ** -27;
    const r = Math.sqrt(-2 * Math.log(u));
    worst = Math.max(worst, Math.abs(found[i]! - r * Math.cos(theta)));
    worst = Math.max(worst, Math.abs(found[i + 1]! - r * Math.sin(theta)));
  }
  t.true(worst < 1e-6, `largest error ${worst}`);
});

test('a number depends on seed, stream and index alone, not on how a range is cut or on threads', (t) => {
  const count = 300_001;
  for (const [make, whole] of [
    [bits, bits(count, 3n, 4n, 1000n)],
    [normalNumbers, normalNumbers(count, 3n, 4n, 1000n)],
  ] as const) {
    for (const threads of [2, 3, 8]) t.deepEqual(make(count, 3n, 4n, 1000n, threads), whole);
    let first = 0;
    for (const length of [1, 2, 3, 5, 253, 256, 257, 1023, 65_536, 200_000]) {
      t.deepEqual(make(length, 3n, 4n, 1000n + BigInt(first)), whole.slice(first, first + length));
      first += length;
    }
  }
});

test('moments of a million normals', (t) => {
  const n = 1_000_000;
  const z = normalNumbers(n, 1n, 2n, 0n, 2);
  const moment = (k: number) => z.reduce((sum, value) => sum + value ** k, 0) / n;
  // Standard errors: 1, √2, √15, √96 over √n.
  t.true(Math.abs(moment(1)) < 5e-3);
  t.true(Math.abs(moment(2) - 1) < 7e-3);
  t.true(Math.abs(moment(3)) < 2e-2);
  t.true(Math.abs(moment(4) - 3) < 5e-2);
  const largest = z.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  t.true(largest > 4 && largest < 6.67);
  t.true(Math.abs(z.filter((value) => Math.abs(value) < 1).length / n - 0.6827) < 2.5e-3);
});

test('other seeds, streams and neighbours are uncorrelated', (t) => {
  const n = 200_000;
  const z = normalNumbers(n + 1, 1n, 2n, 0n);
  const correlation = (other: Float32Array) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += z[i]! * other[i]!;
    return Math.abs(sum / n);
  };
  t.true(correlation(normalNumbers(n, 2n, 2n, 0n)) < 0.012);
  t.true(correlation(normalNumbers(n, 1n, 3n, 0n)) < 0.012);
  t.true(correlation(normalNumbers(n, 1n, 2n, 1n << 40n)) < 0.012);
  t.true(correlation(z.subarray(1)) < 0.012);
});

test('fillNormal gives element i number i, inside the ranges alone', async (t) => {
  const buffer = new addon.DeviceBuffer(400);
  buffer.write(new Float32Array(100).fill(9));
  await addon.fillNormal(buffer, Float64Array.of(3, 10, 50, 0, 60, 40), 5n, 6n, 2);
  const found = new Float32Array(100);
  buffer.read(found);
  const expected = normalNumbers(100, 5n, 6n, 0n);
  for (let i = 0; i < 100; i++) {
    const inside = (i >= 3 && i < 13) || i >= 60;
    t.is(found[i], inside ? expected[i] : 9, `element ${i}`);
  }
});

test('normals and uniforms of a stream', (t) => {
  t.deepEqual(normals(10, 3, 4), normalNumbers(10, 3n, 4n, 0n));
  const u = uniforms(100_000, 3, 4);
  t.true(u.every((value) => value >= 0 && value < 1));
  t.true(Math.abs(u.reduce((a, b) => a + b) / u.length - 0.5) < 5e-3);
  t.is(u[0], (bits(1, 3n, 4n, 0n)[0]! >>> 8) / 2 ** 24);
});

test('misuse of the random numbers throws', (t) => {
  const buffer = new addon.DeviceBuffer(40);
  const out = new Float32Array(4);
  t.throws(() => addon.normals(new Uint32Array(4) as unknown as Float32Array, 0n, 0n, 0n, 1), {
    message: /out/,
  });
  t.throws(() => addon.randomBits(out as unknown as Uint32Array, 0n, 0n, 0n, 1), { message: /out/ });
  t.throws(() => addon.normals(out, 1 as unknown as bigint, 0n, 0n, 1), { message: /seed/ });
  t.throws(() => addon.normals(out, 0n, -1n, 0n, 1), { message: /stream/ });
  t.throws(() => addon.normals(out, 2n ** 64n, 0n, 0n, 1), { message: /seed/ });
  t.throws(() => addon.normals(out, 0n, 0n, 0n, 0), { message: /threads/ });
  t.throws(() => addon.fillNormal(buffer, Float64Array.of(0, 11), 0n, 0n, 1), { message: /range/ });
  t.throws(() => addon.fillNormal(buffer, Float64Array.of(11, 0), 0n, 0n, 1), { message: /range/ });
  t.throws(() => addon.fillNormal(buffer, Float64Array.of(-1, 1), 0n, 0n, 1), { message: /range/ });
  t.throws(() => addon.fillNormal(buffer, Float64Array.of(Number.NaN, 1), 0n, 0n, 1), { message: /range/ });
  t.throws(() => addon.fillNormal(buffer, Float64Array.of(0, 1, 2), 0n, 0n, 1), { message: /ranges/ });
  t.throws(() => addon.fillNormal({} as typeof buffer, Float64Array.of(0, 1), 0n, 0n, 1), {
    message: /buffer/,
  });
  buffer.dispose();
  t.throws(() => addon.fillNormal(buffer, Float64Array.of(0, 1), 0n, 0n, 1), { message: /disposed/ });
});
