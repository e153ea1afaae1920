import { intsAttribute } from '../../../onnx/attributes.js';
import { int64Data } from '../../../onnx/tensors/tensor.js';
import type { Rule } from '../../rule.js';
import { axesOf, reshape } from '../tensors.js';

/** Y holds each x at the flat position that the second input names: dX takes dY from there. */
const maxUnpool: Rule = (c) => {
  const flat = reshape(c, c.dy, [-1]);
  const positions = reshape(c, c.input(1), [-1]);
  return [reshape(c, c.op('Gather', [flat, positions], { axis: 0 }), c.dims(c.input(0)))];
};

/**
 * X [N, C·taps, blocks] holds patches that Col2Im adds up in an image [N, C, …]: dX is the patches of dY. Each element has one place in
 * the image, or lies in the padding: there it reads a zero that is put after the image.
 */
const col2Im: Rule = (c) => {
  const [image, block] = [c.constantInts(1), c.constantInts(2)];
  const ones = image.map(() => 1);
  const strides = intsAttribute(c.node, 'strides', ones);
  const dilations = intsAttribute(c.node, 'dilations', ones);
  const pads = intsAttribute(
    c.node,
    'pads',
    [...image, ...image].map(() => 0),
  );
  const [batch, rows, blocks] = c.dims(c.input(0)) as [number, number, number];
  const axes = axesOf(image.length);
  const counts = axes.map((axis) => {
    const padded = image[axis]! + pads[axis]! + pads[axis + image.length]!;
    return Math.floor((padded - dilations[axis]! * (block[axis]! - 1) - 1) / strides[axis]!) + 1;
  });
  const [taps, pixels] = [block, image].map((sizes) => sizes.reduce((a, b) => a * b, 1)) as [number, number];
  const positions = Array.from({ length: taps * blocks }, (_, at) => {
    const [tap, start] = [unflatten(Math.floor(at / blocks), block), unflatten(at % blocks, counts)];
    let position = 0;
    for (const axis of axes) {
      const index = start[axis]! * strides[axis]! + tap[axis]! * dilations[axis]! - pads[axis]!;
      if (index < 0 || index >= image[axis]!) return pixels;
      position = position * image[axis]! + index;
    }
    return position;
  });
  const channels = rows / taps;
  const planes = reshape(c, c.dy, [batch, channels, pixels]);
  const padded = c.op('Pad', [planes, c.builder.ints([0, 0, 0, 0, 0, 1])]);
  const index = c.builder.constant('int64', [taps, blocks], int64Data(positions));
  return [reshape(c, c.op('Gather', [padded, index], { axis: 2 }), [batch, rows, blocks])];
};

/** Index tuple of a flat position, the last axis fastest. */
function unflatten(flat: number, sizes: readonly number[]): number[] {
  const index: number[] = [];
  let rest = flat;
  for (let axis = sizes.length - 1; axis >= 0; axis--) {
    index[axis] = rest % sizes[axis]!;
    rest = Math.floor(rest / sizes[axis]!);
  }
  return index;
}

export const windowScatters: Record<string, Rule> = { MaxUnpool: maxUnpool, Col2Im: col2Im };
