import { intAttribute } from '../../../onnx/attributes.js';
import { microsoft } from '../../../onnx/domains.js';
import { readWindow, windowAttributes } from '../../../onnx/shapes/window.js';
import type { Rule } from '../../rule.js';

/** ConvGrad gives dX, dW and dB; auto_pad is made explicit, which every kernel of it takes. */
const convolution: Rule = (c) => {
  const [x, w] = [c.input(0), c.input(1)];
  const window = readWindow(c.node, c.dims(x).slice(2), c.dims(w).slice(2));
  const outputs = [0, 1, 2].map((index) => (c.needs(index) ? c.builder.fresh(`${c.input(index)}_grad`) : ''));
  while (outputs.at(-1) === '') outputs.pop();
  outputs.forEach((name, index) => {
    if (name !== '') c.describe(name, c.type(c.input(index)));
  });
  const attributes = { ...windowAttributes(window), group: intAttribute(c.node, 'group', 1) };
  c.builder.ops('ConvGrad', [c.dy, x, w], attributes, { domain: microsoft, outputs });
  return outputs.map((name) => name || undefined);
};

export const conv: Record<string, Rule> = { Conv: convolution };
