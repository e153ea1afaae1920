import { intAttribute } from '../../onnx/attributes.js';
import { defineJoined, splitHeads } from './attend.js';
import type { Decomposition } from './context.js';

/**
 * Pairs (a, b) of the elements of a head become (a·cos − b·sin, a·sin + b·cos). Inputs X [batch, heads, length, size] or
 * [batch, length, heads·size]; caches of cosines and sines, [rows, half] read by position ids [batch, length], or [batch, length, half].
 * Source: ONNX specification, opset 23.
 */
export const rotaryEmbedding: Decomposition = (c) => {
  const dims = c.dims(c.input(0));
  const flat = dims.length === 3;
  const x = flat
    ? splitHeads(c, c.input(0), dims as [number, number, number], intAttribute(c.node, 'num_heads', 1))
    : { value: c.input(0), dims: dims as [number, number, number, number] };
  const [batch, heads, length, size] = x.dims;
  const turned = intAttribute(c.node, 'rotary_embedding_dim', 0) || size;
  const half = turned / 2;
  const interleaved = intAttribute(c.node, 'interleaved', 0) === 1;

  const pairsOf = (count: number) => (interleaved ? [half, count] : [count, half]);
  const pairAxis = interleaved ? 4 : 3;
  const part = turned < size ? c.slice(x.value, 3, 0, turned) : x.value;
  const pairs = c.reshape(part, [batch, heads, length, ...pairsOf(2)]);
  const one = [batch, heads, length, half];
  const [a, b] = [0, 1].map((which) => c.reshape(c.slice(pairs, pairAxis, which, which + 1), one)) as [
    string,
    string,
  ];
  const [cos, sin] = [1, 2].map((index) => {
    const rows = c.input(3) ? c.op('Gather', [c.input(index), c.input(3)], { axis: 0 }) : c.input(index);
    return c.reshape(rows, [batch, 1, length, half]);
  }) as [string, string];
  const times = (value: string, factor: string) => c.op('Mul', [value, factor]);
  const turnedPair = [
    c.op('Sub', [times(a, cos), times(b, sin)]),
    c.op('Add', [times(a, sin), times(b, cos)]),
  ].map((value) => c.reshape(value, [batch, heads, length, ...pairsOf(1)]));
  const joined = c.reshape(c.op('Concat', turnedPair, { axis: pairAxis }), [batch, heads, length, turned]);
  const whole =
    turned < size ? c.op('Concat', [joined, c.slice(x.value, 3, turned, size)], { axis: 3 }) : joined;
  if (flat) defineJoined(c, { value: whole, dims: x.dims });
  else c.define(0, 'Identity', [whole]);
};
