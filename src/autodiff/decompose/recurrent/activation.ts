import { float, floatsAttribute, stringsAttribute } from '../../../onnx/attributes.js';
import type { DecomposeContext } from '../context.js';

/** Appends the function of a value where the context appends. */
export type Activation = (c: DecomposeContext, value: string) => string;

/** Default alpha and beta of the functions that have them: ONNX operators of the same names; Affine is αx + β, ScaledTanh α·tanh(βx). */
const parameters: Readonly<Record<string, readonly number[]>> = {
  affine: [1, 0],
  elu: [1],
  hardsigmoid: [0.2, 0.5],
  leakyrelu: [0.01],
  scaledtanh: [1, 1],
  thresholdedrelu: [1],
};

/**
 * The activation functions of a recurrent node, direction after direction. `activation_alpha` and `activation_beta` are consumed in the
 * order of the functions that have such a parameter.
 * @param defaults names of the functions of one direction
 */
export function activations(
  c: DecomposeContext,
  defaults: readonly string[],
  directions: number,
): Activation[][] {
  const alphas = [...(floatsAttribute(c.node, 'activation_alpha') ?? [])];
  const betas = [...(floatsAttribute(c.node, 'activation_beta') ?? [])];
  const names =
    stringsAttribute(c.node, 'activations') ?? Array.from({ length: directions }, () => defaults).flat();
  const all = names.map((name) => {
    const key = name.toLowerCase();
    const [alpha, beta] = parameters[key] ?? [];
    return activation(
      c,
      key,
      alpha === undefined ? 0 : (alphas.shift() ?? alpha),
      beta === undefined ? 0 : (betas.shift() ?? beta),
    );
  });
  return Array.from({ length: directions }, (_, direction) =>
    all.slice(direction * defaults.length, (direction + 1) * defaults.length),
  );
}

function activation(c: DecomposeContext, name: string, alpha: number, beta: number): Activation {
  switch (name) {
    case 'sigmoid':
      return (c, value) => c.op('Sigmoid', [value]);
    case 'tanh':
      return (c, value) => c.op('Tanh', [value]);
    case 'relu':
      return (c, value) => c.op('Relu', [value]);
    case 'softsign':
      return (c, value) => c.op('Softsign', [value]);
    case 'softplus':
      return (c, value) => c.op('Softplus', [value]);
    case 'elu':
      return (c, value) => c.op('Elu', [value], { alpha: float(alpha) });
    case 'leakyrelu':
      return (c, value) => c.op('LeakyRelu', [value], { alpha: float(alpha) });
    case 'thresholdedrelu':
      return (c, value) => c.op('ThresholdedRelu', [value], { alpha: float(alpha) });
    case 'hardsigmoid':
      return (c, value) => c.op('HardSigmoid', [value], { alpha: float(alpha), beta: float(beta) });
    case 'affine':
      return (c, value) => c.op('Add', [c.op('Mul', [value, c.scalar(alpha)]), c.scalar(beta)]);
    case 'scaledtanh':
      return (c, value) =>
        c.op('Mul', [c.op('Tanh', [c.op('Mul', [value, c.scalar(beta)])]), c.scalar(alpha)]);
    default:
      throw c.refuse(`"${name}" is not an activation function of the ONNX specification`);
  }
}
