import { floatAttribute, intAttribute, intsAttribute } from '../../../src/onnx/attributes.js';
import { microsoft } from '../../../src/onnx/domains.js';
import type { Node } from '../../../src/onnx/proto.js';
import { broadcastTo, filled, generate, type NdArray } from '../nd-array.js';
import type { Op, OpTable } from './op.js';

/** [batch, length, heads·size] as [batch, heads, length, size]. */
function split(x: NdArray, heads: number): NdArray {
  if (x.dims.length === 4) return x;
  const [batch, length, width] = x.dims as [number, number, number];
  const size = width / heads;
  return generate(
    [batch, heads, length, size],
    ([n, h, t, i]) => x.data[(n! * length + t!) * width + h! * size + i!]!,
  );
}

function join(x: NdArray): NdArray {
  const [batch, heads, length, size] = x.dims as [number, number, number, number];
  return generate(
    [batch, length, heads * size],
    ([n, t, at]) => x.data[((n! * heads + Math.floor(at! / size)) * length + t!) * size + (at! % size)]!,
  );
}

interface Scores {
  scale: number;
  softcap: number;
  /** What is added to the score of a key for a query; -Infinity hides it. */
  bias: (n: number, head: number, query: number, key: number) => number;
}

/** Softmax over the keys of the scaled products, times V; one query of one head at a time. */
function attend(q: NdArray, k: NdArray, v: NdArray, { scale, softcap, bias }: Scores): NdArray {
  const [batch, heads, queries, size] = q.dims as [number, number, number, number];
  const [, keyHeads, keys, width] = v.dims as [number, number, number, number];
  const y = filled([batch, heads, queries, width]);
  for (let n = 0; n < batch; n++) {
    for (let h = 0; h < heads; h++) {
      const shared = n * keyHeads + Math.floor(h / (heads / keyHeads));
      for (let t = 0; t < queries; t++) {
        const scores = Array.from({ length: keys }, (_, s) => {
          let product = 0;
          for (let i = 0; i < size; i++)
            product +=
              q.data[((n * heads + h) * queries + t) * size + i]! * k.data[(shared * keys + s) * size + i]!;
          const score = product * scale;
          return (softcap ? softcap * Math.tanh(score / softcap) : score) + bias(n, h, t, s);
        });
        const largest = Math.max(...scores);
        const weights = scores.map((score) => Math.exp(score - largest));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (let i = 0; i < width; i++) {
          let sum = 0;
          for (let s = 0; s < keys; s++)
            sum += (weights[s]! / total) * v.data[(shared * keys + s) * width + i]!;
          y.data[((n * heads + h) * queries + t) * width + i] = sum;
        }
      }
    }
  }
  return y;
}

const causalBias = (node: Node, attribute: string) => (query: number, key: number) =>
  intAttribute(node, attribute, 0) && key > query ? -Infinity : 0;

function addedBias(bias: NdArray | undefined, dims: readonly number[]) {
  const full = bias && broadcastTo(bias, dims);
  const [, heads, queries, keys] = dims as [number, number, number, number];
  return (n: number, h: number, t: number, s: number) =>
    full ? full.data[((n * heads + h) * queries + t) * keys + s]! : 0;
}

/** A mask of bool is told from an additive one by the case that feeds it: it holds ones and zeros alone. */
const isBoolean = (mask: NdArray) => mask.data.every((value) => value === 0 || value === 1);

const attention: Op = ([query, key, value, mask], node) => {
  const heads = intAttribute(node, 'q_num_heads', 1);
  const keyHeads = intAttribute(node, 'kv_num_heads', 1);
  const [q, k, v] = [split(query!, heads), split(key!, keyHeads), split(value!, keyHeads)];
  const dims = [q.dims[0]!, q.dims[1]!, q.dims[2]!, k.dims[2]!];
  const additive =
    mask && isBoolean(mask) ? { ...mask, data: mask.data.map((keep) => (keep ? 0 : -Infinity)) } : mask;
  const [added, causal] = [addedBias(additive, dims), causalBias(node, 'is_causal')];
  const y = attend(q, k, v, {
    scale: floatAttribute(node, 'scale', 1 / Math.sqrt(q.dims[3]!)),
    softcap: floatAttribute(node, 'softcap', 0),
    bias: (n, h, t, s) => added(n, h, t, s) + causal(t, s),
  });
  return [query!.dims.length === 4 ? y : join(y), k, v];
};

function contrib(
  q: NdArray,
  k: NdArray,
  v: NdArray,
  mask: NdArray | undefined,
  bias: NdArray | undefined,
  node: Node,
) {
  const dims = [q.dims[0]!, q.dims[1]!, q.dims[2]!, k.dims[2]!];
  const [added, causal] = [addedBias(bias, dims), causalBias(node, 'unidirectional')];
  const hidden = (n: number, s: number) => (mask && mask.data[n * k.dims[2]! + s] === 0 ? -Infinity : 0);
  return attend(q, k, v, {
    scale: floatAttribute(node, 'scale', 0) || 1 / Math.sqrt(q.dims[3]!),
    softcap: 0,
    bias: (n, h, t, s) => added(n, h, t, s) + causal(t, s) + hidden(n, s),
  });
}

const multiHead: Op = ([query, key, value, bias, mask, attentionBias], node) => {
  const heads = intAttribute(node, 'num_heads', 1);
  let offset = 0;
  const [q, k, v] = [query!, key!, value!].map((x) => {
    const width = x.dims[2]!;
    const from = offset;
    offset += width;
    const data = x.data.map((element, at) => element + (bias?.data[from + (at % width)] ?? 0));
    return split({ dims: x.dims, data }, heads);
  }) as [NdArray, NdArray, NdArray];
  return [join(contrib(q, k, v, mask, attentionBias, node)), k, v];
};

const packed: Op = ([x, weights, bias, mask, , attentionBias], node) => {
  const [batch, length, into] = x!.dims as [number, number, number];
  const total = weights!.dims[1]!;
  const widths = intsAttribute(node, 'qkv_hidden_sizes', [total / 3, total / 3, total / 3]);
  let offset = 0;
  const [q, k, v] = widths.map((width) => {
    const from = offset;
    offset += width;
    const part = generate([batch, length, width], ([n, t, j]) => {
      let sum = bias?.data[from + j!] ?? 0;
      for (let i = 0; i < into; i++)
        sum += x!.data[(n! * length + t!) * into + i]! * weights!.data[i * total + from + j!]!;
      return sum;
    });
    return split(part, intAttribute(node, 'num_heads', 1));
  }) as [NdArray, NdArray, NdArray];
  return [join(contrib(q, k, v, mask, attentionBias, node))];
};

/** Pairs of elements of each head, halves apart or side by side, turned by the angle whose cosine and sine the caches hold. */
const rotary: Op = ([input, cos, sin, ids], node) => {
  const x = split(input!, intAttribute(node, 'num_heads', 0) || 1);
  const [, heads, length, size] = x.dims as [number, number, number, number];
  const turned = intAttribute(node, 'rotary_embedding_dim', 0) || size;
  const half = turned / 2;
  const interleaved = intAttribute(node, 'interleaved', 0) === 1;
  const y = generate(x.dims, ([n, h, t, i]) => {
    const at = (element: number) => x.data[((n! * heads + h!) * length + t!) * size + element]!;
    if (i! >= turned) return at(i!);
    const pair = interleaved ? Math.floor(i! / 2) : i! % half;
    const isSecond = interleaved ? i! % 2 === 1 : i! >= half;
    const line = ids ? ids.data[n! * length + t!]! : n! * length + t!;
    const [c, s] = [cos!.data[line * half + pair]!, sin!.data[line * half + pair]!];
    const [first, second] = interleaved ? [at(2 * pair), at(2 * pair + 1)] : [at(pair), at(pair + half)];
    return isSecond ? s * first + c * second : c * first - s * second;
  });
  return [input!.dims.length === 4 ? y : join(y)];
};

export const attentions: OpTable = {
  RotaryEmbedding: rotary,
  Attention: attention,
  [`${microsoft}:MultiHeadAttention`]: multiHead,
  [`${microsoft}:Attention`]: packed,
};
