import { FlatminError } from '../../errors.js';
import { describeNode, floatAttribute } from '../../onnx/attributes.js';
import { microsoft } from '../../onnx/domains.js';
import { elementCount } from '../../onnx/tensors/tensor.js';
import type { Gradient, Rule, RuleContext } from '../rule.js';
import { axesOf, axisAttribute, expandTo, reshape, sumOver } from './tensors.js';

/** Layer normalisation of the axes from `axis` on, and the parameters stretched to these. */
interface Normalized {
  readonly axis: number;
  /** Sizes of the normalised axes. */
  readonly inner: readonly number[];
  readonly scale: string;
}

function normalized(c: RuleContext): Normalized {
  const axis = axisAttribute(c, -1);
  const inner = c.dims(c.input(0)).slice(axis);
  const scale = c.input(1);
  requireWithin(c, inner);
  const whole =
    c.dims(scale).length === inner.length && c.dims(scale).every((size, at) => size === inner[at]);
  const stretched = whole ? scale : c.describe(expandTo(c, scale, inner), { ...c.type(scale), dims: inner });
  return { axis, inner, scale: stretched };
}

/** ONNX has parameters along the normalised axes; ONNX Runtime takes some with more. */
function requireWithin(c: RuleContext, inner: readonly number[]): void {
  for (const name of c.node.input.slice(1).filter(Boolean)) {
    const dims = c.dims(name);
    const first = inner.length - dims.length;
    if (first < 0 || dims.some((size, at) => size !== 1 && size !== inner[at + first]))
      throw new FlatminError(
        'NO_GRADIENT',
        `${describeNode(c.node)} has "${name}" of shape [${dims}], which does not stretch to the axes that it normalises, [${inner}].`,
      );
  }
}

function refuseStatistics(c: RuleContext): void {
  if (c.outputGradients.slice(1).some(Boolean))
    throw new FlatminError(
      'NO_GRADIENT',
      `${describeNode(c.node)}: the loss reads its statistics, whose gradient is not covered: compute them by ReduceMean.`,
    );
}

const mean = (c: RuleContext, value: string, axes: readonly number[], sizes: readonly number[]): string =>
  c.op('Mul', [sumOver(c, value, axes), c.scalar(1 / elementCount(sizes))]);

/** 1/√(mean of x² + ε) over the axes. */
function inverseDeviation(
  c: RuleContext,
  centred: string,
  axes: readonly number[],
  sizes: readonly number[],
): string {
  const variance = mean(c, c.op('Mul', [centred, centred]), axes, sizes);
  const epsilon = c.scalar(floatAttribute(c.node, 'epsilon', 1e-5));
  return c.op('Reciprocal', [c.op('Sqrt', [c.op('Add', [variance, epsilon])])]);
}

/** The gradients of x and of the parameters, as the training op puts them out. */
function gradients(
  c: RuleContext,
  opType: string,
  { axis, inner, scale }: Normalized,
  saved: string[],
  count: number,
) {
  const x = c.type(c.input(0));
  const parameter = { ...x, dims: inner };
  const outputs = [x, parameter, parameter]
    .slice(0, count)
    .map((type, index) => c.describe(c.builder.fresh(`${c.input(index) || c.output()}_grad`), type));
  const inputs = [c.dy, c.input(0), scale, ...saved];
  c.builder.ops(opType, inputs, { axis }, { domain: microsoft, outputs });
  const asParameter = (value: string): Gradient => ({ value, dims: inner });
  return [outputs[0]!, ...outputs.slice(1).map(asParameter)];
}

/** x − mean and 1/deviation are computed again: stating the node's optional outputs would change what it is on other runtimes. */
const layerNormalization: Rule = (c) => {
  refuseStatistics(c);
  const shape = normalized(c);
  const { dims, type } = c.type(c.input(0));
  const axes = axesOf(dims.length).slice(shape.axis);
  const average = mean(c, c.input(0), axes, shape.inner);
  const inverse = inverseDeviation(c, c.op('Sub', [c.input(0), average]), axes, shape.inner);
  const saved = { type, dims: dims.map((size, at) => (at < shape.axis ? size : 1)) };
  c.describe(average, saved);
  c.describe(inverse, saved);
  return gradients(c, 'LayerNormalizationGrad', shape, [average, inverse], 3);
};

/** y = s·x/√(mean of x² + ε): RMSNormalization of opset 23, and the op of the same meaning that ONNX Runtime had before. */
const rmsNormalization: Rule = (c) => {
  refuseStatistics(c);
  const shape = normalized(c);
  const { dims, type } = c.type(c.input(0));
  const axes = axesOf(dims.length).slice(shape.axis);
  const inverse = inverseDeviation(c, c.input(0), axes, shape.inner);
  c.describe(inverse, { type, dims: dims.map((size, at) => (at < shape.axis ? size : 1)) });
  return gradients(c, 'SimplifiedLayerNormalizationGrad', shape, [inverse], 2);
};

/**
 * Each plane [n, c] by itself, x̂ = r·(x − m): dbias = Σ dy, dscale = Σ dy·x̂, dx = r·s·(dy − mean dy − x̂·mean(dy·x̂)), means over a plane.
 */
const instanceNormalization: Rule = (c) => {
  const [x, scale] = [c.input(0), c.input(1)];
  const dims = c.dims(x);
  const [spatial, sizes] = [axesOf(dims.length).slice(2), dims.slice(2)];
  const centred = c.op('Sub', [x, mean(c, x, spatial, sizes)]);
  const inverse = inverseDeviation(c, centred, spatial, sizes);
  const unit = c.op('Mul', [centred, inverse]);
  const product = c.op('Mul', [c.dy, unit]);
  return [
    c.when(0, () => {
      const perChannel = reshape(c, scale, [dims[1]!, ...spatial.map(() => 1)]);
      const along = c.op('Mul', [unit, mean(c, product, spatial, sizes)]);
      const inner = c.op('Sub', [c.op('Sub', [c.dy, mean(c, c.dy, spatial, sizes)]), along]);
      return c.op('Mul', [inner, c.op('Mul', [inverse, perChannel])]);
    }),
    c.when(1, () => sumOver(c, product, [0, ...spatial], 0)),
    c.when(2, () => sumOver(c, c.dy, [0, ...spatial], 0)),
  ];
};

export const layerNorm: Record<string, Rule> = {
  LayerNormalization: layerNormalization,
  RMSNormalization: rmsNormalization,
  SimplifiedLayerNormalization: rmsNormalization,
  InstanceNormalization: instanceNormalization,
};
