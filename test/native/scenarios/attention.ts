import { addon } from '../../../src/addon/addon.js';
import { float } from '../../../src/onnx/attributes.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { flatminDomain } from '../../../src/onnx/domains.js';
import { encodeModel } from '../../../src/onnx/proto.js';
import { DataType } from '../../../src/onnx/tensors/tensor.js';
import { bufferOf, floatsIn, open } from '../models.js';

/** Sizes of an attention, and how its tensors lie in memory: by a seed. */
export interface Problem {
  readonly batch: readonly number[];
  /** queries, keys, depth, depth of values */
  readonly sizes: readonly [number, number, number, number];
  readonly mask: 'none' | 'additive' | 'causal';
  readonly seed: number;
  readonly threads?: number;
  /** Q, K and V in one tensor, and their gradients in another. */
  readonly packed?: boolean;
}

export interface Results {
  /** The largest error of each result, as a share of the largest number in it. */
  readonly errors: Readonly<Record<string, number>>;
  readonly values: Readonly<Record<string, number[]>>;
}

const product = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1);

function generator(seed: number): () => number {
  let state = seed * 2654435761 + 12345;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Matrices of a batch somewhere in a tensor: element (b…, row, column) at offset + Σ index·stride. */
class Placed {
  constructor(
    readonly dims: readonly number[],
    readonly strides: readonly number[],
    readonly offset: number,
    readonly elements: number,
  ) {}

  /** Axes in an order of their own. */
  static permuted(dims: readonly number[], random: () => number): Placed {
    const order = dims.map((_, axis) => axis).sort(() => random() - 0.5);
    const strides: number[] = [];
    let step = 1;
    for (const axis of order) {
      strides[axis] = step;
      step *= dims[axis]!;
    }
    return new Placed(dims, strides, 0, step);
  }

  get view(): number[] {
    return [this.offset, ...this.strides];
  }

  at(index: readonly number[]): number {
    return index.reduce((sum, each, axis) => sum + each * this.strides[axis]!, this.offset);
  }
}

function* indices(dims: readonly number[]): Generator<number[]> {
  for (let flat = 0; flat < product(dims); flat++) {
    const index: number[] = [];
    let rest = flat;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      index[axis] = rest % dims[axis]!;
      rest = Math.floor(rest / dims[axis]!);
    }
    yield index;
  }
}

/** Attention and its gradient by the kernels, and by their definition in float64. */
export async function solve(problem: Problem): Promise<Results> {
  const { batch, mask: kind, seed, threads = 1, packed = false } = problem;
  const [queries, keys, depth, valueDepth] = problem.sizes;
  const random = generator(seed);
  const scale = Math.fround(0.3 + random());
  const place = (rows: number, columns: number) => Placed.permuted([...batch, rows, columns], random);
  const inOne = (part: number) => {
    const whole = place(queries, depth);
    const dims = [...batch, queries, depth];
    const strides = dims.map(
      (_, axis) => 3 * product(dims.slice(axis + 1)) * (axis < dims.length - 1 ? 1 : 1 / 3),
    );
    return packed ? new Placed(dims, strides, part * depth, 3 * whole.elements) : undefined;
  };
  const q = inOne(0) ?? place(queries, depth);
  const k = inOne(1) ?? place(keys, depth);
  const v = inOne(2) ?? place(keys, valueDepth);
  const [o, dO] = [place(queries, valueDepth), place(queries, valueDepth)];
  const dq = inOne(0) ?? place(queries, depth);
  const dk = inOne(1) ?? place(keys, depth);
  const dv = inOne(2) ?? place(keys, valueDepth);
  const full = place(queries, keys);
  // Some axes broadcast.
  const mask = new Placed(
    full.dims,
    full.strides.map((stride) => (random() < 0.4 ? 0 : stride)),
    0,
    full.elements,
  );
  const numbers = (count: number) => Float32Array.from({ length: count }, () => random() * 2 - 1);
  const data: Record<string, Float32Array> = { dO: numbers(dO.elements) };
  data.Q = numbers(q.elements);
  data.K = packed ? data.Q : numbers(k.elements);
  data.V = packed ? data.Q : numbers(v.elements);
  if (kind === 'additive') {
    data.mask = numbers(mask.elements).map((value) => (value > 0.9 && keys > 40 ? -3e38 : value));
  }

  const attributes = {
    batch,
    sizes: problem.sizes,
    scale: float(scale),
    causal: Number(kind === 'causal'),
    q_view: q.view,
    k_view: k.view,
    v_view: v.view,
    o_view: o.view,
    mask_view: mask.view,
  };
  const builder = new GraphBuilder();
  for (const [name, values] of Object.entries(data)) builder.input(name, 'float', [values.length]);
  const masked = data.mask ? 'mask' : '';
  builder.ops(
    'Attention',
    ['Q', 'K', 'V', masked],
    { ...attributes, o_dims: [o.elements] },
    {
      domain: flatminDomain,
      outputs: ['O', 'lse'],
    },
  );
  builder.ops(
    'AttentionGrad',
    ['dO', 'Q', 'K', 'V', 'O', 'lse', masked],
    {
      ...attributes,
      do_view: dO.view,
      dq_view: dq.view,
      dk_view: dk.view,
      dv_view: dv.view,
      dq_scale: float(scale),
      dk_scale: float(scale),
      places: packed ? [0, 0, 0] : [0, 1, 2],
      dims_0: [dq.elements],
      dims_1: [dk.elements],
      dims_2: [dv.elements],
    },
    { domain: flatminDomain, outputs: packed ? ['dQ'] : ['dQ', 'dK', 'dV'] },
  );
  const outputs = { O: o.elements, dQ: dq.elements, ...(!packed && { dK: dk.elements, dV: dv.elements }) };
  for (const [name, count] of Object.entries(outputs)) builder.output(name, 'float', [count]);
  const session = await open(encodeModel(makeModel(builder.graph, { [flatminDomain]: 1 })), {
    kernels: true,
    intraOpThreads: threads,
  });
  const binding = session.createBinding();
  const buffers: Record<string, InstanceType<typeof addon.DeviceBuffer>> = {};
  for (const [name, values] of Object.entries(data))
    binding.bindInput(name, bufferOf(values), DataType.float, [values.length]);
  for (const [name, count] of Object.entries(outputs)) {
    buffers[name] = new addon.DeviceBuffer(count * 4);
    binding.bindOutput(name, buffers[name], DataType.float, [count]);
  }
  await binding.run();
  const values = Object.fromEntries(
    Object.entries(buffers).map(([name, buffer]) => [name, floatsIn(buffer)]),
  );
  binding.dispose();
  session.dispose();

  const expected: Record<string, [Placed, Float64Array, Float32Array]> = {
    O: [o, new Float64Array(o.elements), values.O!],
    dQ: [dq, new Float64Array(dq.elements), values.dQ!],
    dK: [dk, new Float64Array(dk.elements), values.dK ?? values.dQ!],
    dV: [dv, new Float64Array(dv.elements), values.dV ?? values.dQ!],
  };
  for (const b of indices(batch)) {
    /** A head's matrix, row by row. */
    const dense = (name: string, where: Placed, rows: number, columns: number) =>
      Float64Array.from({ length: rows * columns }, (_, i) => {
        return data[name]![where.at([...b, Math.floor(i / columns), i % columns])]!;
      });
    const [qs, ks] = [dense('Q', q, queries, depth), dense('K', k, keys, depth)];
    const [vs, dOs] = [dense('V', v, keys, valueDepth), dense('dO', dO, queries, valueDepth)];
    const added = data.mask && dense('mask', mask, queries, keys);
    const sums: Record<string, [number, Float64Array]> = {
      O: [valueDepth, new Float64Array(queries * valueDepth)],
      dQ: [depth, new Float64Array(queries * depth)],
      dK: [depth, new Float64Array(keys * depth)],
      dV: [valueDepth, new Float64Array(keys * valueDepth)],
    };
    const dot = (x: Float64Array, row: number, y: Float64Array, other: number, length: number) => {
      let sum = 0;
      for (let d = 0; d < length; d++) sum += x[row * length + d]! * y[other * length + d]!;
      return sum;
    };
    const add = (name: string, row: number, factor: number, from: Float64Array, other: number) => {
      const [length, into] = sums[name]!;
      for (let d = 0; d < length; d++) into[row * length + d]! += factor * from[other * length + d]!;
    };
    for (let i = 0; i < queries; i++) {
      const seen = kind === 'causal' ? Math.min(i + 1, keys) : keys;
      const scores = Array.from(
        { length: seen },
        (_, j) => scale * dot(qs, i, ks, j, depth) + (added ? added[i * keys + j]! : 0),
      );
      const most = scores.reduce((a, c) => Math.max(a, c));
      const exponentials = scores.map((score) => Math.exp(score - most));
      const total = exponentials.reduce((a, c) => a + c);
      const p = exponentials.map((each) => each / total);
      const dp = p.map((_, j) => dot(dOs, i, vs, j, valueDepth));
      const mean = p.reduce((sum, each, j) => sum + each * dp[j]!, 0);
      for (let j = 0; j < seen; j++) {
        const ds = p[j]! * (dp[j]! - mean) * scale;
        add('O', i, p[j]!, vs, j);
        add('dV', j, p[j]!, dOs, i);
        add('dQ', i, ds, ks, j);
        add('dK', j, ds, qs, i);
      }
    }
    for (const [name, [columns, values]] of Object.entries(sums)) {
      const [where, exact] = expected[name]!;
      for (const [at, value] of values.entries())
        exact[where.at([...b, Math.floor(at / columns), at % columns])] = value;
    }
  }
  const errors = Object.fromEntries(
    Object.entries(expected).map(([name, [where, exact, found]]) => {
      let [worst, largest] = [0, 0];
      for (const index of indices(where.dims)) {
        const at = where.at(index);
        const error = Math.abs(exact[at]! - found[at]!);
        worst = Number.isFinite(error) ? Math.max(worst, error) : Number.MAX_VALUE;
        largest = Math.max(largest, Math.abs(exact[at]!));
      }
      return [name, worst / Math.max(largest, 1e-3)];
    }),
  );
  return {
    errors,
    values: Object.fromEntries(Object.entries(values).map(([name, each]) => [name, [...each]])),
  };
}

/** The first output and gradient of a query alone that sees no key, or whose numbers are none. */
export async function lost(
  given: 'hidden' | 'NaN',
): Promise<{ output: number; gradient: number; others: number[] }> {
  const [queries, keys, depth] = [3, 40, 4];
  const view = (rows: number) => [0, rows * depth, depth, 1];
  const attributes = {
    batch: [1],
    sizes: [queries, keys, depth, depth],
    scale: float(1),
    causal: 0,
    q_view: view(queries),
    k_view: view(keys),
    v_view: view(keys),
    o_view: view(queries),
    mask_view: [0, 0, keys, 1],
  };
  const builder = new GraphBuilder();
  const sizes = {
    Q: queries * depth,
    K: keys * depth,
    V: keys * depth,
    dO: queries * depth,
    mask: queries * keys,
  };
  for (const [name, count] of Object.entries(sizes)) builder.input(name, 'float', [count]);
  const inputs = ['Q', 'K', 'V'];
  const dims = { o_dims: [queries * depth] };
  const domain = flatminDomain;
  builder.ops(
    'Attention',
    [...inputs, 'mask'],
    { ...attributes, ...dims },
    { domain, outputs: ['O', 'lse'] },
  );
  const gradient = {
    ...attributes,
    do_view: view(queries),
    dq_view: view(queries),
    dk_view: view(keys),
    dv_view: view(keys),
    dq_scale: float(1),
    dk_scale: float(1),
    places: [0, -1, -1],
    dims_0: [queries * depth],
    dims_1: [0],
    dims_2: [0],
  };
  builder.ops('AttentionGrad', ['dO', ...inputs, 'O', 'lse', 'mask'], gradient, { domain, outputs: ['dQ'] });
  for (const name of ['O', 'dQ']) builder.output(name, 'float', [queries * depth]);
  const session = await open(encodeModel(makeModel(builder.graph, { [domain]: 1 })), { kernels: true });
  const binding = session.createBinding();
  for (const [name, count] of Object.entries(sizes)) {
    const values = Float32Array.from({ length: count }, (_, i) => Math.sin(i + name.length));
    if (name === 'mask') values.fill(0);
    if (name === 'mask' && given === 'hidden') values.fill(Number.NEGATIVE_INFINITY, 0, keys);
    if (name === 'Q' && given === 'NaN') values[1] = Number.NaN;
    binding.bindInput(name, bufferOf(values), DataType.float, [count]);
  }
  const buffers = ['O', 'dQ'].map((name) => {
    const buffer = new addon.DeviceBuffer(queries * depth * 4);
    binding.bindOutput(name, buffer, DataType.float, [queries * depth]);
    return buffer;
  });
  await binding.run();
  const [o, dq] = buffers.map(floatsIn);
  binding.dispose();
  session.dispose();
  return { output: o![0]!, gradient: dq![0]!, others: [...o!.slice(depth), ...dq!.slice(depth)] };
}

export const solveAll = (problems: readonly Problem[]): Promise<Results[]> =>
  Promise.all(problems.map(solve));
