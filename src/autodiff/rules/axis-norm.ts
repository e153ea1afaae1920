import { intAttribute, intsAttribute } from '../../onnx/attributes.js';
import type { Rule } from '../rule.js';
import { arithmetic } from './arithmetic.js';
import { axisAttribute, positiveAxis, sumOver } from './tensors.js';

/** y = x/n. p = 2: dx = (dy − y·Σ dy·y)/n; p = 1: dx = (dy − sign(x)·Σ dy·y)/n. Where n is 0, y is 0 and so is dx. */
const lpNormalization: Rule = (c) => {
  const m = arithmetic(c);
  const [x, y] = [c.input(0), c.output()];
  const sum = (value: string) => sumOver(c, value, [axisAttribute(c, -1)]);
  const isL1 = intAttribute(c.node, 'p', 2) === 1;
  const norm = isL1 ? sum(m.abs(x)) : m.sqrt(sum(m.square(x)));
  const inverse = m.where(m.equal(norm, 0), 0, m.div(1, norm));
  const along = m.mul(isL1 ? m.sign(x) : y, sum(m.mul(c.dy, y)));
  return [m.mul(m.sub(c.dy, along), inverse)];
};

/** y = (x − μ)/σ over the axes: dx = (dy − mean(dy) − y·mean(dy·y))/σ. */
const meanVarianceNormalization: Rule = (c) => {
  const m = arithmetic(c);
  const [x, y] = [c.input(0), c.output()];
  const dims = c.dims(x);
  const axes = intsAttribute(c.node, 'axes', [0, 2, 3]).map((axis) => positiveAxis(axis, dims.length));
  const share = 1 / axes.reduce((count, axis) => count * dims[axis]!, 1);
  const mean = (value: string) => m.mul(sumOver(c, value, axes), share);
  const deviation = m.sqrt(mean(m.square(m.sub(x, mean(x)))));
  const across = m.add(mean(c.dy), m.mul(y, mean(m.mul(c.dy, y))));
  return [m.div(m.sub(c.dy, across), deviation)];
};

export const axisNorm: Record<string, Rule> = {
  LpNormalization: lpNormalization,
  MeanVarianceNormalization: meanVarianceNormalization,
};
