import type { GraphBuilder } from '../../../src/onnx/builder.js';
import { fixed, type GradientCase, type InputSpec, wrt } from '../case.js';

/** Attention as exporters write it, and whether flatmin's kernels take it. */
export interface AttentionForm extends GradientCase {
  readonly isFused: boolean;
}

type Dims = readonly number[];
/** Scores and the builder to scores: scales and masks. */
type Rescore = (b: GraphBuilder, scores: string) => string;

const constant = (b: GraphBuilder, dims: Dims, values: readonly number[]): string =>
  b.constant('float', dims, Float32Array.from(values));
const swap = (b: GraphBuilder, value: string, rank: number): string => {
  const perm = Array.from({ length: rank }, (_, axis) => axis);
  [perm[rank - 2], perm[rank - 1]] = [rank - 1, rank - 2];
  return b.op('Transpose', [value], { perm });
};
/** Of [queries, keys]: what a query sees becomes `seen`, the rest `hidden`. */
const triangle = (queries: number, keys: number, seen: number, hidden: number): number[] =>
  Array.from({ length: queries * keys }, (_, i) => (i % keys <= Math.floor(i / keys) ? seen : hidden));

const half: Rescore = (b, scores) => b.op('Mul', [scores, b.scalar(0.5)]);

/** softmax(rescore(Q·Kᵀ))·V over inputs q, k and v. */
function written(
  name: string,
  inputs: Readonly<Record<string, InputSpec>>,
  options: { rescore?: Rescore; weigh?: Rescore; isFused?: boolean; axis?: number } = {},
): AttentionForm {
  const { rescore = half, weigh = (_, p) => p, isFused = true, axis = -1 } = options;
  const build = (b: GraphBuilder): string => {
    const rank = inputs.k!.dims.length;
    const scores = rescore(b, b.op('MatMul', ['q', swap(b, 'k', rank)]));
    return b.op('MatMul', [weigh(b, b.op('Softmax', [scores], { axis })), 'v']);
  };
  return { name: `attention form: ${name}`, inputs, build, isFused };
}

const lengths = { q: wrt([2, 3, 5, 4]), k: wrt([2, 3, 6, 4]), v: wrt([2, 3, 6, 3]) };
const square = { q: wrt([2, 2, 5, 4]), k: wrt([2, 2, 5, 4]), v: wrt([2, 2, 5, 4]) };

const masks: AttentionForm[] = [
  written('added mask, broadcast over heads', lengths, {
    rescore: (b, s) =>
      b.op('Add', [half(b, s), constant(b, [2, 1, 1, 6], [0, 0, -9, 0, 0, -9, 0, -9, 0, 0, 0, 0])]),
  }),
  written(
    'a mask that is an input, before the scores',
    { ...lengths, mask: fixed([5, 6]) },
    {
      rescore: (b, s) => b.op('Add', ['mask', half(b, s)]),
    },
  ),
  written(
    'a mask that is expanded',
    { ...lengths, mask: fixed([2, 1, 1, 6]) },
    {
      rescore: (b, s) => b.op('Add', [half(b, s), b.op('Expand', ['mask', b.ints([2, 1, 5, 6])])]),
    },
  ),
  written('causal by an added constant', square, {
    rescore: (b, s) => b.op('Add', [half(b, s), constant(b, [1, 1, 5, 5], triangle(5, 5, 0, -1e30))]),
  }),
  written('causal by Where', square, {
    rescore: (b, s) => {
      const seen = b.constant('bool', [5, 5], Uint8Array.from(triangle(5, 5, 1, 0)));
      return b.op('Where', [seen, half(b, s), b.scalar(-1e30)]);
    },
  }),
  written('causal by Where of what is hidden', square, {
    rescore: (b, s) => {
      const hidden = b.constant('bool', [1, 1, 5, 5], Uint8Array.from(triangle(5, 5, 0, 1)));
      return b.op('Where', [hidden, b.scalar(-1e30), half(b, s)]);
    },
  }),
  written(
    'a mask that is trained',
    { ...lengths, mask: wrt([2, 3, 5, 6]) },
    {
      rescore: (b, s) => b.op('Add', [half(b, s), 'mask']),
      isFused: false,
    },
  ),
  written('Where by another condition', square, {
    rescore: (b, s) => {
      const seen = Uint8Array.from({ length: 25 }, (_, i) => Number(i % 7 !== 3));
      return b.op('Where', [b.constant('bool', [5, 5], seen), half(b, s), b.scalar(-1e30)]);
    },
    isFused: false,
  }),
  written(
    'a factor behind the mask',
    { ...lengths, mask: fixed([5, 6]) },
    {
      rescore: (b, s) => half(b, b.op('Add', [s, 'mask'])),
      isFused: false,
    },
  ),
];

const shapes: AttentionForm[] = [
  written('batches of three axes', { q: wrt([6, 5, 4]), k: wrt([6, 7, 4]), v: wrt([6, 7, 4]) }),
  written('batches of five axes', {
    q: wrt([2, 1, 2, 3, 4]),
    k: wrt([2, 1, 2, 4, 4]),
    v: wrt([2, 1, 2, 4, 2]),
  }),
  written('divided scores', lengths, { rescore: (b, s) => b.op('Div', [s, b.scalar(1.7)]) }),
  written('without a scale', lengths, { rescore: (_, s) => s }),
  written('factors and copies on the way', lengths, {
    rescore: (b, s) => b.op('Mul', [b.scalar(0.9), b.op('Identity', [half(b, s)])]),
    weigh: (b, p) => b.op('Identity', [p]),
  }),
  written('the last axis by its number', lengths, { axis: 3 }),
  written('softmax over the queries', lengths, { axis: 2, isFused: false }),
  written(
    'weighted probabilities, as behind Dropout',
    { ...lengths, keep: fixed([2, 3, 5, 6]) },
    {
      weigh: (b, p) => b.op('Mul', [p, 'keep']),
      isFused: false,
    },
  ),
  written(
    'keys and values for all heads',
    { q: wrt([2, 3, 5, 4]), k: wrt([1, 1, 6, 4]), v: wrt([1, 1, 6, 4]) },
    {
      isFused: false,
    },
  ),
  written('queries alone are trained', { ...lengths, k: fixed([2, 3, 6, 4]), v: fixed([2, 3, 6, 3]) }),
  written('keys alone are trained', { ...lengths, q: fixed([2, 3, 5, 4]), v: fixed([2, 3, 6, 3]) }),
  written('values alone are trained', { ...lengths, q: fixed([2, 3, 5, 4]), k: fixed([2, 3, 6, 4]) }),
];

/** Heads of a tensor [batch, length, heads·size], and their results put side by side. */
const split = (b: GraphBuilder, value: string, heads: number, size: number, length: number): string =>
  b.op('Transpose', [b.op('Reshape', [value, b.ints([2, length, heads, size])])], { perm: [0, 2, 1, 3] });
const merge = (b: GraphBuilder, value: string, length: number, width: number): string =>
  b.op('Reshape', [b.op('Transpose', [value], { perm: [0, 2, 1, 3] }), b.ints([2, length, width])]);
const attend = (b: GraphBuilder, q: string, k: string, v: string): string =>
  b.op('MatMul', [b.op('Softmax', [half(b, b.op('MatMul', [q, swap(b, k, 4)]))], { axis: -1 }), v]);

const layouts: AttentionForm[] = [
  {
    name: 'attention form: heads of projections',
    inputs: { x: wrt([2, 5, 3]), wq: wrt([3, 8]), wk: wrt([3, 8]), wv: wrt([3, 8]), wo: wrt([8, 3]) },
    build: (b) => {
      const [q, k, v] = ['wq', 'wk', 'wv'].map((w) => split(b, b.op('MatMul', ['x', w]), 2, 4, 5));
      return b.op('MatMul', [merge(b, attend(b, q!, k!, v!), 5, 8), 'wo']);
    },
    isFused: true,
  },
  {
    name: 'attention form: one projection, split along its last axis',
    inputs: { x: wrt([2, 5, 3]), w: wrt([3, 24]) },
    build: (b) => {
      const parts = b.ops('Split', [b.op('MatMul', ['x', 'w'])], { axis: 2 }, { count: 3 });
      const [q, k, v] = parts.map((part) => split(b, part, 2, 4, 5));
      return merge(b, attend(b, q!, k!, v!), 5, 8);
    },
    isFused: true,
  },
  {
    name: 'attention form: one projection, split along a new first axis, with factors on queries and keys',
    inputs: { x: wrt([2, 5, 3]), w: wrt([3, 24]) },
    build: (b) => {
      const packed = b.op('Reshape', [b.op('MatMul', ['x', 'w']), b.ints([2, 5, 3, 2, 4])]);
      const parts = b.ops(
        'Split',
        [b.op('Transpose', [packed], { perm: [2, 0, 3, 1, 4] })],
        { axis: 0 },
        { count: 3 },
      );
      const [q, k, v] = parts.map((part) => b.op('Squeeze', [part, b.ints([0])]));
      const scaled = b.op('Mul', [q!, b.scalar(0.8)]);
      const keys = b.op('Mul', [swap(b, k!, 4), constant(b, [1], [0.7])]);
      const p = b.op('Softmax', [b.op('MatMul', [scaled, keys])], { axis: -1 });
      return merge(b, b.op('MatMul', [p, v!]), 5, 8);
    },
    isFused: true,
  },
  {
    name: 'attention form: one tensor is queries, keys and values',
    inputs: { x: wrt([2, 2, 5, 4]) },
    build: (b) => attend(b, 'x', 'x', 'x'),
    isFused: true,
  },
  {
    name: 'attention form: twice, the second of the first',
    inputs: { x: wrt([2, 2, 5, 4]), y: wrt([2, 2, 6, 4]) },
    build: (b) => attend(b, attend(b, 'x', 'y', 'y'), 'y', 'y'),
    isFused: true,
  },
  {
    name: 'attention form: factors on the values and on the result',
    inputs: lengths,
    build: (b) => {
      const p = b.op('Softmax', [half(b, b.op('MatMul', ['q', swap(b, 'k', 4)]))], { axis: -1 });
      const result = b.op('MatMul', [p, b.op('Mul', ['v', b.scalar(0.6)])]);
      return b.op('ReduceMean', [b.op('Mul', [result, b.scalar(3)])], { axes: [2], keepdims: 0 });
    },
    isFused: true,
  },
  {
    name: 'attention form: slices of one tensor',
    inputs: { x: wrt([2, 2, 5, 12]) },
    build: (b) => {
      const part = (at: number) => b.op('Slice', ['x', b.ints([at]), b.ints([at + 4]), b.ints([3])]);
      return attend(b, part(0), part(4), part(8));
    },
    isFused: true,
  },
  {
    name: 'attention form: probabilities are read elsewhere too',
    inputs: lengths,
    build: (b) => {
      const p = b.op('Softmax', [half(b, b.op('MatMul', ['q', swap(b, 'k', 4)]))], { axis: -1 });
      return b.op('Add', [b.op('MatMul', [p, 'v']), b.op('ReduceSum', [b.op('Mul', [p, p]), b.ints([3])])]);
    },
    isFused: false,
  },
];

export const attentionFormCases: readonly AttentionForm[] = [...masks, ...shapes, ...layouts];
