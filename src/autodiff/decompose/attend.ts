import type { DecomposeContext } from './context.js';

/** Smallest float32: what a masked score is before the softmax. */
const lowest = -3.4028234663852886e38;

export interface AttendOptions {
  readonly scale: number;
  /** Scores become softcap·tanh(score / softcap). */
  readonly softcap?: number;
  /** Position i sees positions 0 to i alone. */
  readonly causal?: boolean;
  /** Added to the scores; each broadcasts to [batch, heads, queries, keys]. */
  readonly biases?: readonly string[];
}

/** Names a value [batch, heads, length, size]; `dims` are these sizes. */
export interface Heads {
  readonly value: string;
  readonly dims: readonly [number, number, number, number];
}

/** [batch, length, heads·size] as [batch, heads, length, size]. */
export function splitHeads(
  c: DecomposeContext,
  value: string,
  [batch, length, width]: readonly [number, number, number],
  heads: number,
): Heads {
  const size = width / heads;
  const apart = c.reshape(value, [batch, length, heads, size]);
  return { value: c.op('Transpose', [apart], { perm: [0, 2, 1, 3] }), dims: [batch, heads, length, size] };
}

/** softmax(scale·Q·Kᵀ + biases)·V, [batch, heads, queries, size of V]. K and V may have fewer heads, each for several of Q in a row. */
export function attend(c: DecomposeContext, q: Heads, k: Heads, v: Heads, options: AttendOptions): Heads {
  const [batch, heads, queries] = q.dims;
  const keys = k.dims[2];
  const spread = (part: Heads): string => {
    const [, own, length, size] = part.dims;
    if (own === heads) return part.value;
    const apart = c.reshape(part.value, [batch, own, 1, length, size]);
    const repeated = c.op('Expand', [apart, c.builder.ints([batch, own, heads / own, length, size])]);
    return c.reshape(repeated, [batch, heads, length, size]);
  };
  const transposed = c.op('Transpose', [spread(k)], { perm: [0, 1, 3, 2] });
  const scaled = c.op('Mul', [q.value, c.scalar(options.scale)]);
  let scores = c.op('MatMul', [scaled, transposed]);
  if (options.softcap) {
    const cap = c.scalar(options.softcap);
    scores = c.op('Mul', [c.op('Tanh', [c.op('Div', [scores, cap])]), cap]);
  }
  const biases = [...(options.biases ?? [])];
  if (options.causal) {
    const mask = new Float64Array(queries * keys).map((_, at) =>
      at % keys > Math.floor(at / keys) ? lowest : 0,
    );
    biases.push(c.floats([queries, keys], mask));
  }
  for (const bias of biases) scores = c.op('Add', [scores, bias]);
  const weights = c.op('Softmax', [scores], { axis: 3 });
  return { value: c.op('MatMul', [weights, spread(v)]), dims: [batch, heads, queries, v.dims[3]] };
}

/** The node's output [batch, length, heads·size] from [batch, heads, length, size]. */
export function defineJoined(c: DecomposeContext, { value, dims }: Heads): void {
  const [batch, heads, length, size] = dims;
  const together = c.op('Transpose', [value], { perm: [0, 2, 1, 3] });
  c.defineReshaped(0, together, [batch, length, heads * size]);
}

/** 0 where the mask is true, else what hides a score. */
export const maskBias = (c: DecomposeContext, mask: string): string =>
  c.op('Where', [mask, c.scalar(0), c.scalar(lowest)]);
