import { float, floatAttribute, intAttribute } from '../../onnx/attributes.js';
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

/** α·A'·B', where ' transposes the last two axes as the attributes say. */
const fusedMatMul: Decomposition = (c) => {
  if (intAttribute(c.node, 'transBatchA', 0) || intAttribute(c.node, 'transBatchB', 0))
    throw c.refuse('transBatchA and transBatchB are not covered: use the model before that optimization');
  const operand = (index: number, attribute: string): string => {
    const rank = c.dims(c.input(index)).length;
    if (!intAttribute(c.node, attribute, 0) || rank < 2) return c.input(index);
    const perm = Array.from({ length: rank }, (_, axis) => axis);
    [perm[rank - 2], perm[rank - 1]] = [rank - 1, rank - 2];
    return c.op('Transpose', [c.input(index)], { perm });
  };
  const alpha = floatAttribute(c.node, 'alpha', 1);
  const operands = [operand(0, 'transA'), operand(1, 'transB')];
  if (alpha === 1) c.define(0, 'MatMul', operands);
  else c.define(0, 'Mul', [c.op('MatMul', operands), c.scalar(alpha)]);
};

export const contrib: Record<string, Decomposition> = {
  [`${microsoft}:SkipLayerNormalization`]: skipNormalization('LayerNormalization', 4),
  [`${microsoft}:SkipSimplifiedLayerNormalization`]: skipNormalization('SimplifiedLayerNormalization', 3),
  [`${microsoft}:EmbedLayerNormalization`]: embedLayerNormalization,
  [`${microsoft}:FusedMatMul`]: fusedMatMul,
};
