import { hasAttribute, intAttribute, intsAttribute, stringAttribute } from '../../onnx/attributes.js';
import { microsoft } from '../../onnx/domains.js';
import { readWindow, type Window, windowAttributes } from '../../onnx/shapes/window.js';
import { type LoweringContext, overChannels } from '../context.js';

// cuDNN pads both ends of an axis alike, and ONNX Runtime's CUDA kernels give it the begins alone.

/** The pads that both ends have, and what each end has beyond them. */
function splitPads({ padsBegin, padsEnd }: Window) {
  const both = padsBegin.map((pad, axis) => Math.min(pad, padsEnd[axis]!));
  const beyond = (pads: readonly number[]) => pads.map((pad, axis) => pad - both[axis]!);
  return { both, begin: beyond(padsBegin), end: beyond(padsEnd) };
}

const isSymmetric = ({ begin, end }: ReturnType<typeof splitPads>): boolean =>
  [...begin, ...end].every((zeros) => zeros === 0);

/** Operands of the Slice that leaves the shape `dims` of a value which has more at its spatial axes. */
const cut = (
  { builder }: LoweringContext,
  value: string,
  begins: readonly number[],
  dims: readonly number[],
): string[] => {
  const ends = begins.map((begin, axis) => begin + dims[axis + 2]!);
  const axes = begins.map((_, axis) => axis + 2);
  return [value, builder.ints(begins), builder.ints(ends), builder.ints(axes)];
};

/** ConvGrad (dY, X, W → dX, dW, dB) on an X padded to symmetry, and its dX cut back. */
export function convGrad(c: LoweringContext): boolean {
  const [dy, x, w] = [c.input(0), c.input(1), c.input(2)];
  const dims = c.dims(x);
  const window = readWindow(c.node, dims.slice(2), c.dims(w).slice(2));
  const pads = splitPads(window);
  if (isSymmetric(pads)) return false;
  const padded = c.op('Pad', [x, c.builder.ints([0, 0, ...pads.begin, 0, 0, ...pads.end])]);
  const attributes = {
    ...windowAttributes({ ...window, padsBegin: pads.both, padsEnd: pads.both }),
    group: intAttribute(c.node, 'group', 1),
  };
  const dPadded = c.output(0) && c.builder.fresh('padded_grad');
  if (dPadded) {
    const sizes = dims.map((size, axis) =>
      axis < 2 ? size : size + pads.begin[axis - 2]! + pads.end[axis - 2]!,
    );
    c.describe(dPadded, { type: c.type(x).type, dims: sizes });
  }
  if (dPadded || c.output(1))
    c.builder.ops('ConvGrad', [dy, padded, w], attributes, {
      domain: microsoft,
      outputs: c.output(1) ? [dPadded, c.output(1)] : [dPadded],
    });
  c.define(0, 'Slice', cut(c, dPadded, pads.begin, dims));
  c.define(2, 'ReduceSum', [dy, c.builder.ints(overChannels(dims.length))], { keepdims: 0 });
  return true;
}

/** ConvTranspose with explicit pads: with those of both ends alike, and its output cut. */
export function convTranspose(c: LoweringContext): boolean {
  const autoPad = stringAttribute(c.node, 'auto_pad', 'NOTSET');
  if (autoPad !== 'NOTSET' || hasAttribute(c.node, 'output_shape')) return false;
  const dims = c.dims(c.output());
  const window = readWindow(c.node, dims.slice(2), c.dims(c.input(1)).slice(2));
  const pads = splitPads(window);
  if (isSymmetric(pads)) return false;
  const whole = c.op('ConvTranspose', c.node.input, {
    ...windowAttributes({ ...window, padsBegin: pads.both, padsEnd: pads.both }),
    group: intAttribute(c.node, 'group', 1),
    output_padding: intsAttribute(
      c.node,
      'output_padding',
      window.kernel.map(() => 0),
    ),
  });
  c.define(0, 'Slice', cut(c, whole, pads.begin, dims));
  return true;
}
