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
    const of = (name: string, where: Placed, row: number, column: number) =>
      data[name]![where.at([...b, row, column])]!;
    const add = (name: string, row: number, column: number, value: number) => {
      const [where, sums] = expected[name]!;
      sums[where.at([...b, row, column])]! += value;
    };
    for (let i = 0; i < queries; i++) {
      const seen = kind === 'causal' ? Math.min(i + 1, keys) : keys;
      const scores = Array.from({ length: seen }, (_, j) => {
        let sum = 0;
        for (let d = 0; d < depth; d++) sum += of('Q', q, i, d) * of('K', k, j, d);
        return scale * sum + (data.mask ? of('mask', mask, i, j) : 0);
      });
      const most = scores.reduce((a, c) => Math.max(a, c));
      const exponentials = scores.map((score) => Math.exp(score - most));
      const total = exponentials.reduce((a, c) => a + c);
      const p = exponentials.map((each) => each / total);
      const dp = p.map((_, j) => {
        let sum = 0;
        for (let d = 0; d < valueDepth; d++) sum += of('dO', dO, i, d) * of('V', v, j, d);
        return sum;
      });
      const dot = p.reduce((sum, each, j) => sum + each * dp[j]!, 0);
      for (let j = 0; j < seen; j++) {
        const ds = p[j]! * (dp[j]! - dot) * scale;
        for (let d = 0; d < valueDepth; d++) {
          add('O', i, d, p[j]! * of('V', v, j, d));
          add('dV', j, d, p[j]! * of('dO', dO, i, d));
        }
        for (let d = 0; d < depth; d++) {
          add('dQ', i, d, ds * of('K', k, j, d));
          add('dK', j, d, ds * of('Q', q, i, d));
        }
      }
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

export const solveAll = (problems: readonly Problem[]): Promise<Results[]> =>
  Promise.all(problems.map(solve));
