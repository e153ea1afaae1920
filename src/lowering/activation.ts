import { microsoft } from '../onnx/domains.js';
import type { Lowering } from './context.js';

/** dx = dy where y > 0, else 0 */
const relu: Lowering = (c) => {
  const [dy, y] = [c.input(0), c.input(1)];
  const zero = c.scalar(0, dy);
  c.define(0, 'Where', [c.op('Greater', [y, zero]), dy, zero]);
};

/** dx = dy·y·(1 − y) */
const sigmoid: Lowering = (c) => {
  const [dy, y] = [c.input(0), c.input(1)];
  c.define(0, 'Mul', [dy, c.op('Mul', [y, c.op('Sub', [c.scalar(1, y), y])])]);
};

/** dx = dy·(1 − y²) */
const tanh: Lowering = (c) => {
  const [dy, y] = [c.input(0), c.input(1)];
  c.define(0, 'Mul', [dy, c.op('Sub', [c.scalar(1, y), c.op('Mul', [y, y])])]);
};

export const activation: Record<string, Lowering> = {
  [`${microsoft}:ReluGrad`]: relu,
  [`${microsoft}:SigmoidGrad`]: sigmoid,
  [`${microsoft}:TanhGrad`]: tanh,
};
