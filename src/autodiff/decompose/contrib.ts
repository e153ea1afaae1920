import { float, floatAttribute } from '../../onnx/attributes.js';
import { microsoft } from '../../onnx/domains.js';
import type { DecomposeContext, Decomposition } from './context.js';

const epsilonOf = (c: DecomposeContext) => float(floatAttribute(c.node, 'epsilon', 1e-12));

/** Inputs x, skip, the norm's own parameters up to `bias`, bias; outputs y, mean, 1/deviation, and the sum that was normalised. */
const skipNormalization =
  (opType: string, biasAt: number): Decomposition =>
  (c) => {
    const sum = c.op('Add', [c.input(0), c.input(1)]);
    const total = c.input(biasAt) ? c.op('Add', [sum, c.input(biasAt)]) : sum;
    if (c.output(1) || c.output(2))
      throw c.refuse('its outputs mean and inv_std_var are not covered: leave them out');
    const parameters = c.node.input.slice(2, biasAt).filter(Boolean);
    c.define(0, opType, [total, ...parameters], { axis: -1, epsilon: epsilonOf(c) });
    c.define(3, 'Identity', [total]);
  };

/** Inputs word ids, segment ids, tables of words, positions and segments, gamma, beta, mask, position ids. */
const embedLayerNormalization: Decomposition = (c) => {
  const [batch, length] = c.dims(c.input(0)) as [number, number];
  const row = (table: number, ids: string) => c.op('Gather', [c.input(table), ids], { axis: 0 });
  const positions = c.input(8) ? row(3, c.input(8)) : c.slice(c.input(3), 0, 0, length);
  let sum = c.op('Add', [row(2, c.input(0)), positions]);
  if (c.input(1) && c.input(4)) sum = c.op('Add', [sum, row(4, c.input(1))]);
  const parameters = [c.input(5), c.input(6)];
  c.define(0, 'LayerNormalization', [sum, ...parameters], { axis: -1, epsilon: epsilonOf(c) });
  if (c.input(7)) c.define(1, 'ReduceSum', [c.input(7), c.builder.ints([1])], { keepdims: 0 });
  else if (c.output(1))
    c.define(1, 'Identity', [c.builder.constant('int32', [batch], new Int32Array(batch))]);
  c.define(2, 'Identity', [sum]);
};

export const contrib: Record<string, Decomposition> = {
  [`${microsoft}:SkipLayerNormalization`]: skipNormalization('LayerNormalization', 4),
  [`${microsoft}:SkipSimplifiedLayerNormalization`]: skipNormalization('SimplifiedLayerNormalization', 3),
  [`${microsoft}:EmbedLayerNormalization`]: embedLayerNormalization,
};
