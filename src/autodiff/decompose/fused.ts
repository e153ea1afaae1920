import {
  float,
  floatAttribute,
  floatsAttribute,
  hasAttribute,
  intAttribute,
  stringAttribute,
} from '../../onnx/attributes.js';
import type { Attributes } from '../../onnx/builder.js';
import { microsoft } from '../../onnx/domains.js';
import type { DecomposeContext, Decomposition } from './context.js';

/** Activations that ONNX Runtime's optimizer fuses, and their attributes in the order of FusedConv's activation_params. */
const ACTIVATIONS: Readonly<Record<string, readonly string[]>> = {
  Clip: ['min', 'max'],
  Elu: ['alpha'],
  HardSigmoid: ['alpha', 'beta'],
  LeakyRelu: ['alpha'],
  Relu: [],
  Selu: ['alpha', 'gamma'],
  Sigmoid: [],
  Softplus: [],
  Softsign: [],
  Tanh: [],
  ThresholdedRelu: ['alpha'],
};

/** Defines the node's output as an activation of a value. */
function activate(
  c: DecomposeContext,
  value: string,
  parameter: (name: string, at: number) => number | undefined,
) {
  const activation = stringAttribute(c.node, 'activation', '');
  if (activation === '') return c.define(0, 'Identity', [value]);
  const names = ACTIVATIONS[activation];
  if (!names)
    throw c.refuse(
      `the activation ${activation} that an optimizer fused into it is not covered: use the model before that optimization`,
    );
  const given = names.map((name, at) => parameter(name, at));
  if (activation === 'Clip') {
    const bounds = given.map((bound) => (bound === undefined ? '' : c.scalar(bound)));
    return c.define(0, 'Clip', [value, ...bounds]);
  }
  const attributes = names.map((name, at) => [name, given[at] === undefined ? undefined : float(given[at])]);
  return c.define(0, activation, [value], Object.fromEntries(attributes));
}

/** activation(α·A'·B' + β·C) */
const fusedGemm: Decomposition = (c) => {
  const attributes: Attributes = {
    alpha: float(floatAttribute(c.node, 'alpha', 1)),
    beta: float(floatAttribute(c.node, 'beta', 1)),
    transA: intAttribute(c.node, 'transA', 0),
    transB: intAttribute(c.node, 'transB', 0),
  };
  const product = c.op('Gemm', c.node.input, attributes);
  activate(c, product, (name) =>
    hasAttribute(c.node, `activation_${name}`) ? floatAttribute(c.node, `activation_${name}`, 0) : undefined,
  );
};

/** activation(Conv(x, w, b) + z) */
const fusedConv: Decomposition = (c) => {
  const attribute = c.node.attribute.filter(({ name }) => !name.startsWith('activation'));
  const [x, w, bias, z] = [0, 1, 2, 3].map((index) => c.input(index)) as [string, string, string, string];
  const conv = c.op('Conv', bias ? [x, w, bias] : [x, w]);
  c.builder.graph.node.at(-1)!.attribute = attribute;
  const sum = z ? c.op('Add', [conv, z]) : conv;
  const parameters = floatsAttribute(c.node, 'activation_params') ?? [];
  activate(c, sum, (_, at) => parameters[at]);
};

/** α·A'·B', where ' moves the first axis behind the batch axes and transposes the last two, as the attributes say. */
const fusedMatMul: Decomposition = (c) => {
  const operand = (index: number, side: 'A' | 'B'): string => {
    const rank = c.dims(c.input(index)).length;
    if (rank < 2) return c.input(index);
    const perm = Array.from({ length: rank }, (_, axis) => axis);
    if (intAttribute(c.node, `transBatch${side}`, 0)) perm.splice(rank - 2, 0, perm.shift()!);
    if (intAttribute(c.node, `trans${side}`, 0))
      [perm[rank - 2], perm[rank - 1]] = [perm[rank - 1]!, perm[rank - 2]!];
    const moves = perm.some((axis, position) => axis !== position);
    return moves ? c.op('Transpose', [c.input(index)], { perm }) : c.input(index);
  };
  const alpha = floatAttribute(c.node, 'alpha', 1);
  const operands = [operand(0, 'A'), operand(1, 'B')];
  if (alpha === 1) c.define(0, 'MatMul', operands);
  else c.define(0, 'Mul', [c.op('MatMul', operands), c.scalar(alpha)]);
};

/** What ONNX Runtime's optimizer makes of matrix products, convolutions and the activations behind them. */
export const fused: Record<string, Decomposition> = {
  [`${microsoft}:FusedConv`]: fusedConv,
  [`${microsoft}:FusedGemm`]: fusedGemm,
  [`${microsoft}:FusedMatMul`]: fusedMatMul,
  [`${microsoft}:TransposeMatMul`]: fusedMatMul,
};
