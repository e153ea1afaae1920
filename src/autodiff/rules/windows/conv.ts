import { intAttribute } from '../../../onnx/attributes.js';
import { microsoft } from '../../../onnx/domains.js';
import { readWindow, windowAttributes } from '../../../onnx/shapes/window.js';
import type { Rule, RuleContext } from '../../rule.js';
import { expandTo, reshape } from '../tensors.js';

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

/**
 * The derivatives of ConvGrad. From (dY, X, W) it makes dX, dW and dB, whose gradients are u, v and b. Each product is linear in both
 * factors: dY takes conv(u, W) + conv(X, v) + b, X the input gradient with v as weights, W the weight gradient with u as data.
 */
const convolutionGradient: Rule = (c) => {
  const [dy, x, w] = [c.input(0), c.input(1), c.input(2)];
  const [u, v, b] = c.outputGradients;
  const window = readWindow(c.node, c.dims(x).slice(2), c.dims(w).slice(2));
  const attributes = { ...windowAttributes(window), group: intAttribute(c.node, 'group', 1) };
  const product = (data: string, weights: string) =>
    c.describe(c.op('Conv', [data, weights], attributes), c.type(dy));
  const gradient = (data: string, weights: string, index: 0 | 1) => {
    const name = c.describe(c.builder.fresh(`${c.input(index + 1)}_grad`), c.type(c.input(index + 1)));
    const outputs = index === 0 ? [name] : ['', name];
    c.builder.ops('ConvGrad', [dy, data, weights], attributes, { domain: microsoft, outputs });
    return name;
  };
  return [
    c.when(0, () => {
      const terms = [
        ...(u ? [product(u, w)] : []),
        ...(v ? [product(x, v)] : []),
        ...(b
          ? [
              reshape(c, b, [
                -1,
                ...c
                  .dims(x)
                  .slice(2)
                  .map(() => 1),
              ]),
            ]
          : []),
      ];
      return expanded(
        c,
        terms.length > 1 ? c.op('Sum', terms) : terms[0]!,
        u !== undefined || v !== undefined,
      );
    }),
    c.when(1, () => v && gradient(x, v, 0)),
    c.when(2, () => u && gradient(u, w, 1)),
  ];
};

/** A sum that has the shape of dY where a product is in it. */
const expanded = (c: RuleContext, sum: string, isWhole: boolean): string =>
  isWhole ? sum : expandTo(c, sum, c.dims(c.input(0)));

export const conv: Record<string, Rule> = {
  Conv: convolution,
  [`${microsoft}:ConvGrad`]: convolutionGradient,
};
