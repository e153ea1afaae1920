import { float } from '../../../src/onnx/attributes.js';
import { microsoft } from '../../../src/onnx/domains.js';
import { type Attributes, type GradientCase, type InputSpec, wrt } from '../case.js';

const attention = (
  name: string,
  [q, k, v]: readonly [readonly number[], readonly number[], readonly number[]],
  attributes: Attributes = {},
  mask?: readonly number[],
): GradientCase => {
  const inputs = { q: wrt(q), k: wrt(k), v: wrt(v), ...(mask && { mask: wrt(mask) }) };
  return {
    name: `Attention ${name}`,
    inputs,
    build: (builder) => builder.op('Attention', Object.keys(inputs), attributes),
    opset: 23,
  };
};

const heads = [2, 2, 3, 4] as const;
const square = [heads, heads, heads] as const;

const contrib = (
  opType: string,
  name: string,
  inputs: Readonly<Record<string, InputSpec>>,
  order: readonly string[],
  attributes: Attributes,
  mask?: { dims: readonly number[]; values: readonly number[] },
): GradientCase => ({
  name: `com.microsoft ${opType} ${name}`,
  inputs,
  build: (builder) => {
    const keep = mask && builder.constant('int32', mask.dims, Int32Array.from(mask.values));
    const names = order.map((input) => (input === 'mask' ? (keep ?? '') : input in inputs ? input : ''));
    while (names.at(-1) === '') names.pop();
    return builder.op(opType, names, attributes, { domain: microsoft });
  },
});

const multiHeadOrder = ['q', 'k', 'v', 'b', 'mask', 'bias'];
const multiHeadInputs = { q: wrt([2, 3, 8]), k: wrt([2, 4, 8]), v: wrt([2, 4, 8]) };
const packedOrder = ['x', 'w', 'b', 'mask', 'past', 'bias'];
const packedInputs = { x: wrt([2, 3, 5]), w: wrt([5, 24]), b: wrt([24]) };
const keys = { dims: [2, 4], values: [1, 1, 0, 1, 1, 0, 1, 1] };

/** Caches of cosines and sines [rows, D / 2], read by position ids [batch, length] where there are any. */
const rotary = (
  name: string,
  x: readonly number[],
  cache: readonly number[],
  attributes: Attributes,
  ids?: readonly number[],
): GradientCase => ({
  name: `RotaryEmbedding ${name}`,
  inputs: { x: wrt(x), cos: wrt(cache), sin: wrt(cache) },
  build: (builder) => {
    const length = x.length === 4 ? x[2]! : x[1]!;
    const positions = ids && builder.constant('int64', [x[0]!, length], BigInt64Array.from(ids, BigInt));
    return builder.op('RotaryEmbedding', ['x', 'cos', 'sin', ...(positions ? [positions] : [])], attributes);
  },
  opset: 23,
});

export const attentionCases: GradientCase[] = [
  attention('of 4-D', square),
  attention('of 4-D, other lengths and sizes', [heads, [2, 2, 5, 4], [2, 2, 5, 3]]),
  attention(
    'of 3-D',
    [
      [2, 3, 8],
      [2, 5, 8],
      [2, 5, 8],
    ],
    { q_num_heads: 2, kv_num_heads: 2 },
  ),
  attention(
    'of 3-D, grouped queries',
    [
      [2, 3, 16],
      [2, 5, 8],
      [2, 5, 8],
    ],
    { q_num_heads: 4, kv_num_heads: 2 },
  ),
  attention('of 4-D, grouped queries', [
    [1, 4, 3, 2],
    [1, 2, 3, 2],
    [1, 2, 3, 2],
  ]),
  attention('causal', square, { is_causal: 1 }),
  attention('causal, more keys than queries', [heads, [2, 2, 5, 4], [2, 2, 5, 4]], { is_causal: 1 }),
  attention('with its own scale', square, { scale: float(0.3) }),
  attention('with softcap', square, { softcap: float(1.5) }),
  attention('with softcap, causal', square, { softcap: float(1.5), is_causal: 1 }),
  attention('with an additive mask', square, {}, [3, 3]),
  attention('with an additive mask by head, causal', square, { is_causal: 1 }, [2, 2, 3, 3]),
  {
    ...attention('with a mask of truths', square),
    build: (builder) => {
      const mask = builder.constant('bool', [3, 3], Uint8Array.of(1, 0, 1, 1, 1, 0, 0, 0, 1));
      return builder.op('Attention', ['q', 'k', 'v', mask]);
    },
  },
  contrib('MultiHeadAttention', 'plain', multiHeadInputs, multiHeadOrder, { num_heads: 2 }),
  contrib(
    'MultiHeadAttention',
    'with bias, mask and attention bias',
    { ...multiHeadInputs, b: wrt([24]), bias: wrt([1, 2, 3, 4]) },
    multiHeadOrder,
    { num_heads: 2, scale: float(0.4) },
    keys,
  ),
  contrib(
    'MultiHeadAttention',
    'unidirectional',
    { q: wrt([2, 3, 8]), k: wrt([2, 3, 8]), v: wrt([2, 3, 8]) },
    multiHeadOrder,
    { num_heads: 4, unidirectional: 1 },
  ),
  contrib('Attention', 'plain', packedInputs, packedOrder, { num_heads: 2 }),
  contrib(
    'Attention',
    'with mask and attention bias',
    { ...packedInputs, bias: wrt([2, 2, 3, 3]) },
    packedOrder,
    { num_heads: 2 },
    { dims: [2, 3], values: [1, 1, 0, 1, 1, 1] },
  ),
  contrib('Attention', 'unidirectional', packedInputs, packedOrder, { num_heads: 2, unidirectional: 1 }),
  contrib(
    'Attention',
    'with values of another width',
    { x: wrt([2, 3, 5]), w: wrt([5, 20]), b: wrt([20]) },
    packedOrder,
    { num_heads: 2, qkv_hidden_sizes: [8, 8, 4] },
  ),
  rotary('of 4-D', [2, 2, 3, 8], [5, 4], {}, [0, 1, 2, 4, 3, 0]),
  rotary('of 3-D, interleaved', [2, 3, 16], [5, 4], { num_heads: 2, interleaved: 1 }, [0, 1, 2, 4, 3, 0]),
  rotary('without position ids', [2, 2, 3, 8], [2, 3, 4], {}),
  rotary('of a part', [2, 2, 3, 8], [2, 3, 2], { rotary_embedding_dim: 4 }),
  rotary(
    'of a part, interleaved',
    [1, 3, 16],
    [5, 2],
    { num_heads: 2, rotary_embedding_dim: 4, interleaved: 1 },
    [2, 1, 4],
  ),
];
