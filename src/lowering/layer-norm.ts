import { intAttribute } from '../onnx/attributes.js';
import { microsoft } from '../onnx/domains.js';
import { elementCount } from '../onnx/tensors/tensor.js';
import type { Lowering, LoweringContext } from './context.js';

/** Sums and means over the outer axes (before `axis`) and the inner ones. */
function axesOf(c: LoweringContext, x: string) {
  const dims = c.dims(x);
  const axis = intAttribute(c.node, 'axis', -1);
  const all = dims.map((_, at) => at);
  const [outer, inner] = [all.slice(0, axis), all.slice(axis)];
  const share = c.scalar(1 / elementCount(dims.slice(axis)), x);
  const sum = (value: string, axes: readonly number[], keepdims: number) =>
    axes.length === 0 ? value : c.op('ReduceSum', [value, c.builder.ints(axes)], { keepdims });
  return {
    overOuter: (value: string) => sum(value, outer, 0),
    innerMean: (value: string) => c.op('Mul', [sum(value, inner, 1), share]),
  };
}

/**
 * Inputs dY, X, scale s, mean m, r = 1/√(var + ε); outputs dX, ds, dbias. With x̂ = r·(x − m) and g = s·dy:
 * dbias = Σ dy, ds = Σ dy·x̂ over the outer axes, dx = r·(g − mean g − x̂·mean(g·x̂)), means over the inner axes.
 */
const layerNormalizationGrad: Lowering = (c) => {
  const [dy, x, scale, mean, inverse] = [c.input(0), c.input(1), c.input(2), c.input(3), c.input(4)];
  const { overOuter, innerMean } = axesOf(c, x);
  const unit = c.op('Mul', [c.op('Sub', [x, mean]), inverse]);
  const scaled = c.op('Mul', [dy, scale]);
  const centred = c.op('Sub', [scaled, innerMean(scaled)]);
  const along = c.op('Mul', [unit, innerMean(c.op('Mul', [scaled, unit]))]);
  c.define(0, 'Mul', [inverse, c.op('Sub', [centred, along])]);
  c.define(1, 'Identity', [overOuter(c.op('Mul', [dy, unit]))]);
  c.define(2, 'Identity', [overOuter(dy)]);
};

/** Inputs dY, X, scale, r = 1/√(mean of x² + ε); outputs dX, ds: as above with a mean of zero. */
const simplifiedLayerNormalizationGrad: Lowering = (c) => {
  const [dy, x, scale, inverse] = [c.input(0), c.input(1), c.input(2), c.input(3)];
  const { overOuter, innerMean } = axesOf(c, x);
  const unit = c.op('Mul', [x, inverse]);
  const scaled = c.op('Mul', [dy, scale]);
  const along = c.op('Mul', [unit, innerMean(c.op('Mul', [scaled, unit]))]);
  c.define(0, 'Mul', [inverse, c.op('Sub', [scaled, along])]);
  c.define(1, 'Identity', [overOuter(c.op('Mul', [dy, unit]))]);
};

export const layerNorm: Record<string, Lowering> = {
  [`${microsoft}:LayerNormalizationGrad`]: layerNormalizationGrad,
  [`${microsoft}:SimplifiedLayerNormalizationGrad`]: simplifiedLayerNormalizationGrad,
};
