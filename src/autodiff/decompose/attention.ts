import { floatAttribute, intAttribute, intsAttribute } from '../../onnx/attributes.js';
import { microsoft } from '../../onnx/domains.js';
import { DataType } from '../../onnx/tensors/tensor.js';
import { attend, defineJoined, type Heads, maskBias, splitHeads } from './attend.js';
import type { DecomposeContext, Decomposition } from './context.js';

/** Inputs Q, K, V [batch, heads, length, size] or [batch, length, heads·size], and attn_mask. Source: ONNX specification, opset 23. */
const attention: Decomposition = (c) => {
  if (c.input(4) || c.input(5) || c.input(6))
    throw c.refuse('it reads a key-value cache: export the model without one');
  if (c.output(3)) throw c.refuse('its output qk_matmul_output is not covered: leave it out');
  const heads = (input: number, attribute: string): Heads => {
    const value = c.input(input);
    const dims = c.dims(value);
    if (dims.length === 4) return { value, dims: dims as Heads['dims'] };
    return splitHeads(c, value, dims as [number, number, number], intAttribute(c.node, attribute, 1));
  };
  const q = heads(0, 'q_num_heads');
  const [k, v] = [heads(1, 'kv_num_heads'), heads(2, 'kv_num_heads')];
  const result = attend(c, q, k, v, {
    scale: floatAttribute(c.node, 'scale', 1 / Math.sqrt(q.dims[3])),
    softcap: floatAttribute(c.node, 'softcap', 0),
    causal: intAttribute(c.node, 'is_causal', 0) === 1,
    biases: c.input(3) ? [additive(c, c.input(3))] : [],
  });
  if (c.dims(c.input(0)).length === 4) c.define(0, 'Identity', [result.value]);
  else defineJoined(c, result);
  c.define(1, 'Identity', [k.value]);
  c.define(2, 'Identity', [v.value]);
};

const additive = (c: DecomposeContext, mask: string): string =>
  c.type(mask).type === DataType.bool ? maskBias(c, mask) : mask;

/** A mask of keys [batch, keys], 1 where a key counts, as a bias [batch, 1, 1, keys]. */
function keyBias(c: DecomposeContext, mask: string, batch: number, keys: number): string {
  const dims = c.dims(mask);
  if (dims.length !== 2 || dims[0] !== batch || dims[1] !== keys)
    throw c.refuse(`its mask has shape [${dims}]; only [batch, keys] = [${batch}, ${keys}] is covered`);
  return maskBias(c, c.op('Cast', [c.reshape(mask, [batch, 1, 1, keys])], { to: DataType.bool }));
}

const contribOptions = (c: DecomposeContext, size: number) => ({
  scale: floatAttribute(c.node, 'scale', 0) || 1 / Math.sqrt(size),
  causal: intAttribute(c.node, 'unidirectional', 0) === 1,
});

/** com.microsoft: query, key, value [batch, length, heads·size], bias, key_padding_mask, attention_bias. */
const multiHeadAttention: Decomposition = (c) => {
  if (c.input(6) || c.input(7)) throw c.refuse('it reads a key-value cache: export the model without one');
  const shapes = [0, 1, 2].map((index) => (c.input(index) ? c.dims(c.input(index)) : []));
  if (shapes.some((dims) => dims.length !== 3))
    throw c.refuse('only query, key and value of shape [batch, length, width] are covered, not packed ones');
  const heads = intAttribute(c.node, 'num_heads', 1);
  let offset = 0;
  const [q, k, v] = shapes.map((dims, index) => {
    const width = dims[2]!;
    const bias = c.input(3) && c.slice(c.input(3), 0, offset, offset + width);
    offset += width;
    const value = bias ? c.op('Add', [c.input(index), bias]) : c.input(index);
    return splitHeads(c, value, dims as [number, number, number], heads);
  }) as [Heads, Heads, Heads];
  const biases = c.input(5) ? [c.input(5)] : [];
  if (c.input(4)) biases.push(keyBias(c, c.input(4), q.dims[0], k.dims[2]));
  defineJoined(c, attend(c, q, k, v, { ...contribOptions(c, q.dims[3]), biases }));
  c.define(1, 'Identity', [k.value]);
  c.define(2, 'Identity', [v.value]);
};

/** com.microsoft: input [batch, length, in], weights [in, widths of Q, K and V], bias, mask, (past), attention_bias. */
const packedAttention: Decomposition = (c) => {
  if (c.input(4) || c.output(1)) throw c.refuse('it keeps a key-value cache: export the model without one');
  if (intAttribute(c.node, 'do_rotary', 0))
    throw c.refuse('do_rotary is not covered: export it as nodes of its own');
  const [batch, length, into] = c.dims(c.input(0)) as [number, number, number];
  const total = c.dims(c.input(1))[1]!;
  const widths = intsAttribute(c.node, 'qkv_hidden_sizes', [total / 3, total / 3, total / 3]);
  const heads = intAttribute(c.node, 'num_heads', 1);
  const rows = c.reshape(c.input(0), [batch * length, into]);
  const all = c.op('Gemm', [rows, c.input(1), ...(c.input(2) ? [c.input(2)] : [])]);
  let offset = 0;
  const [q, k, v] = widths.map((width) => {
    const part = c.slice(all, 1, offset, offset + width);
    offset += width;
    return splitHeads(c, part, [batch, length, width], heads);
  }) as [Heads, Heads, Heads];
  const biases = c.input(5) ? [c.input(5)] : [];
  if (c.input(3)) biases.push(keyBias(c, c.input(3), batch, length));
  defineJoined(c, attend(c, q, k, v, { ...contribOptions(c, q.dims[3]), biases }));
};

export const attentions: Record<string, Decomposition> = {
  Attention: attention,
  [`${microsoft}:Attention`]: packedAttention,
  [`${microsoft}:MultiHeadAttention`]: multiHeadAttention,
};
