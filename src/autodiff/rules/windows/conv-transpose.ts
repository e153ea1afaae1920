import { intAttribute, intsAttribute, stringAttribute } from '../../../onnx/attributes.js';
import { microsoft } from '../../../onnx/domains.js';
import { extent, readWindow, type Window, windowAttributes } from '../../../onnx/shapes/window.js';
import type { Rule, RuleContext } from '../../rule.js';
import { sumOver } from '../tensors.js';

/**
 * The window of the convolution whose gradient the node is: Y is that convolution's input and X its output. `output_shape` and
 * `auto_pad` fix the size of Y, and the pads follow: total = stride·(size of X − 1) + output_padding + extent − size of Y.
 */
function transposedWindow(c: RuleContext): { window: Window; reached: number[] } {
  const [inputs, outputs] = [c.dims(c.input(0)).slice(2), c.dims(c.output()).slice(2)];
  const kernel = c.dims(c.input(1)).slice(2);
  const explicit = readWindow(
    { ...c.node, attribute: c.node.attribute.filter(({ name }) => name !== 'auto_pad') },
    outputs,
    kernel,
  );
  const autoPad = stringAttribute(c.node, 'auto_pad', 'NOTSET');
  const outputPadding = intsAttribute(
    c.node,
    'output_padding',
    outputs.map(() => 0),
  );
  const full = inputs.map((size, axis) => (size - 1) * explicit.strides[axis]! + extent(explicit, axis));
  let { padsBegin } = explicit;
  if (intsAttribute(c.node, 'output_shape') || autoPad.startsWith('SAME')) {
    const total = outputs.map((size, axis) => Math.max(0, full[axis]! + outputPadding[axis]! - size));
    const small = total.map((pads) => Math.floor(pads / 2));
    padsBegin = autoPad === 'SAME_UPPER' ? small : total.map((pads, axis) => pads - small[axis]!);
  } else if (autoPad === 'VALID') {
    padsBegin = outputs.map(() => 0);
  }
  // Elements of Y from the first on that any tap can reach; what output_padding adds beyond them holds the bias alone.
  const reached = outputs.map((size, axis) => Math.min(size, full[axis]! - padsBegin[axis]!));
  const padsEnd = reached.map((size, axis) => full[axis]! - padsBegin[axis]! - size);
  return { window: { ...explicit, padsBegin, padsEnd }, reached };
}

/** dX is the convolution of dY with W; dW is that convolution's weight gradient, with X as its dY. */
const convTranspose: Rule = (c) => {
  const [x, w] = [c.input(0), c.input(1)];
  const { window, reached } = transposedWindow(c);
  const dims = c.dims(c.output());
  const spatial = reached.map((_, axis) => axis + 2);
  const cut = reached.some((size, axis) => size < dims[axis + 2]!);
  const { builder } = c;
  const dy = cut
    ? c.describe(
        c.op('Slice', [
          c.dy,
          builder.ints(reached.map(() => 0)),
          builder.ints(reached),
          builder.ints(spatial),
        ]),
        { type: c.type(x).type, dims: [...dims.slice(0, 2), ...reached] },
      )
    : c.dy;
  const attributes = { ...windowAttributes(window), group: intAttribute(c.node, 'group', 1) };
  return [
    c.when(0, () => c.describe(c.op('Conv', [dy, w], attributes), c.type(x))),
    c.when(1, () => {
      const dw = c.describe(builder.fresh(`${w}_grad`), c.type(w));
      builder.ops('ConvGrad', [x, dy, w], attributes, { domain: microsoft, outputs: ['', dw] });
      return dw;
    }),
    c.when(2, () => sumOver(c, c.dy, [0, ...spatial], 0)),
  ];
};

export const transposedConvolution: Record<string, Rule> = { ConvTranspose: convTranspose };
