import { DataType } from '../../onnx/tensors/tensor.js';
import type { Rule } from '../rule.js';
import { arithmetic } from './arithmetic.js';
import { wantOutput } from './tensors.js';

/**
 * In training mode dx = dy·mask/(1 − ratio), with the mask that the forward pass drew: an output of its node, so that both passes
 * of a run share it. Otherwise, and before opset 12, the identity.
 */
const dropout: Rule = (c) => {
  const [x, ratio, training] = [c.input(0), c.input(1), c.input(2)];
  if (!training) return [c.dy];
  const { type, dims } = c.type(x);
  const m = arithmetic(c);
  const mask = wantOutput(c, 1, DataType.bool, dims);
  const dropped = !ratio ? 0.5 : c.type(ratio).type === type ? ratio : c.op('Cast', [ratio], { to: type });
  const scale = m.where(training, m.div(1, m.sub(1, dropped)), 1);
  return [m.where(mask, m.mul(c.dy, scale), 0)];
};

export const regularization: Record<string, Rule> = { Dropout: dropout };
