import {
  floatAttribute,
  hasAttribute,
  intAttribute,
  intsAttribute,
  isText,
  makeAttribute,
  stringAttribute,
} from '../../../onnx/attributes.js';
import { opTable } from '../../../onnx/op-table.js';
import type { Node } from '../../../onnx/proto.js';
import { typeByName, type Upgrade, type UpgradeContext } from './upgrade-context.js';

/** Integers move from an attribute to the input at `position`; inputs between are left out. */
const toInput =
  (attribute: string, position: number) =>
  (c: UpgradeContext): Node | undefined => {
    const values = intsAttribute(c.node, attribute);
    if (!values) return undefined;
    const input = Array.from({ length: position }, (_, index) => c.node.input[index] ?? '');
    return c.with({ input: [...input, c.ints(values, attribute)] }, [attribute]);
  };

/** Before set 7 an elementwise op broadcast only when it said so, aligned at the right unless `axis` said where. */
const oldBroadcast: Upgrade = {
  below: 7,
  apply(c) {
    if (intAttribute(c.node, 'broadcast', 0) === 1 && hasAttribute(c.node, 'axis')) {
      const axis = intAttribute(c.node, 'axis', 0);
      const [first, second] = [c.rank(c.node.input[0]), c.rank(c.node.input[1])];
      if (first === undefined || second === undefined)
        throw c.refuse(`broadcasts from axis ${axis}, a form before operator set 7`);
      const trailing = first - (axis < 0 ? axis + first : axis) - second;
      if (trailing > 0) {
        const axes = Array.from({ length: trailing }, (_, index) => second + index);
        const aligned = c.prepend('Unsqueeze', [c.node.input[1]!, c.ints(axes, 'axes')]);
        return c.with({ input: [c.node.input[0]!, aligned] }, ['axis', 'broadcast']);
      }
    }
    return c.with({}, ['axis', 'broadcast']);
  },
};

/** Before set 13 these normalised over all axes from `axis` (default 1) on, as of a matrix. */
const flattening: Upgrade = {
  below: 13,
  apply(c) {
    const axis = intAttribute(c.node, 'axis', 1);
    const [x] = c.node.input;
    const rank = c.rank(x) ?? c.rank(c.node.output[0]);
    const last = c.with({ attribute: [makeAttribute('axis', -1)] });
    if (axis === -1 || (rank !== undefined && (axis === rank - 1 || rank < 2))) return last;
    const shape = c.prepend('Shape', [x!]);
    const matrix = c.prepend('Flatten', [x!], { axis });
    const result = c.name('matrix');
    c.append('Reshape', [result, shape], c.node.output[0]!);
    return { ...last, input: [matrix], output: [result] };
  },
};

const batchNormalization: Upgrade = {
  below: 14,
  apply(c) {
    if (intAttribute(c.node, 'spatial', 1) !== 1)
      throw c.refuse('normalises each element apart (spatial = 0), which operator set 9 took away');
    const training = c.node.output.length > 1 ? [makeAttribute('training_mode', 1)] : [];
    const next = c.with({ output: c.node.output.slice(0, 3) }, ['spatial', 'is_test']);
    return { ...next, attribute: [...next.attribute, ...training] };
  },
};

const dropout: Upgrade = {
  below: 12,
  apply(c) {
    const ratio = c.float(floatAttribute(c.node, 'ratio', 0.5), 'ratio');
    return c.with({ input: [c.node.input[0]!, ratio] }, ['ratio', 'is_test']);
  },
};

const slice: Upgrade = {
  below: 10,
  apply(c) {
    const starts = intsAttribute(c.node, 'starts');
    if (!starts) return undefined;
    const ends = intsAttribute(c.node, 'ends', []);
    const axes = intsAttribute(c.node, 'axes');
    const input = [c.node.input[0]!, c.ints(starts, 'starts'), c.ints(ends, 'ends')];
    return c.with({ input: axes ? [...input, c.ints(axes, 'axes')] : input }, ['starts', 'ends', 'axes']);
  },
};

const pad: Upgrade = {
  below: 11,
  apply(c) {
    const pads = intsAttribute(c.node, 'pads') ?? intsAttribute(c.node, 'paddings');
    if (!pads) return undefined;
    const value = floatAttribute(c.node, 'value', 0);
    const input = [c.node.input[0]!, c.ints(pads, 'pads'), ...(value !== 0 ? [c.float(value, 'value')] : [])];
    return c.with({ input }, ['pads', 'paddings', 'value']);
  },
};

const clip: Upgrade = {
  below: 11,
  apply(c) {
    const bound = (name: string) =>
      hasAttribute(c.node, name) ? c.float(floatAttribute(c.node, name, 0), name) : '';
    const [min, max] = [bound('min'), bound('max')];
    const input = [c.node.input[0]!, ...(min || max ? [min] : []), ...(max ? [max] : [])];
    return c.with({ input }, ['min', 'max']);
  },
};

const topK: Upgrade = {
  below: 10,
  apply(c) {
    if (!hasAttribute(c.node, 'k')) return undefined;
    const k = c.ints([intAttribute(c.node, 'k', 1)], 'k');
    return c.with({ input: [c.node.input[0]!, k] }, ['k']);
  },
};

/** What Upsample and Resize before set 11 did: the sampled position is the index divided by the scale, rounded down. */
const oldResize = (c: UpgradeContext, scales: string): Node => ({
  ...c.with({ input: [c.node.input[0]!, '', scales] }, ['scales', 'mode']),
  opType: 'Resize',
  attribute: [
    makeAttribute('mode', stringAttribute(c.node, 'mode', 'nearest').replace('bilinear', 'linear')),
    makeAttribute('coordinate_transformation_mode', 'asymmetric'),
    makeAttribute('nearest_mode', 'floor'),
  ],
});

const upsample: Upgrade = {
  below: 10,
  apply(c) {
    const scales = c.node.attribute.find(({ name }) => name === 'scales')?.floats;
    if (scales)
      return oldResize(c, c.constant('float', [scales.length], Float32Array.from(scales), 'scales'));
    if (!c.node.input[1]) throw c.refuse('has no scales, a form before operator set 7');
    return oldResize(c, c.node.input[1]);
  },
};

const resize: Upgrade = { below: 11, apply: (c) => oldResize(c, c.node.input[1]!) };

const resizeCoordinates: Upgrade = {
  below: 13,
  apply(c) {
    const mode = stringAttribute(c.node, 'coordinate_transformation_mode', 'half_pixel');
    if (mode === 'tf_half_pixel_for_nn')
      throw c.refuse('takes coordinates as tf_half_pixel_for_nn, which operator set 13 took away');
    return undefined;
  },
};

const cast: Upgrade = {
  below: 6,
  apply(c) {
    const to = c.node.attribute.find(({ name }) => name === 'to');
    if (!to || !isText(to)) return undefined;
    const type = typeByName[stringAttribute(c.node, 'to', '')];
    if (!type) throw c.refuse(`casts to the unknown type ${stringAttribute(c.node, 'to', '')}`);
    return c.with({ attribute: [makeAttribute('to', type)] });
  },
};

/** A slope for each channel stood for axis 1 before set 7. */
const prelu: Upgrade = {
  below: 7,
  apply(c) {
    const [x, slope] = c.node.input;
    const rank = c.rank(x) ?? c.rank(c.node.output[0]);
    if (c.rank(slope) !== 1 || rank === 1 || rank === 2) return undefined;
    if (rank === undefined) throw c.refuse('has a slope for each channel, a form before operator set 7');
    const shape = c.ints([-1, ...Array<number>(rank - 2).fill(1)], 'shape');
    return c.with({ input: [x!, c.prepend('Reshape', [slope!, shape])] });
  },
};

const removed = (below: number, why: string): Upgrade => ({
  below,
  apply(c) {
    throw c.refuse(why);
  },
});

const roiAlign: Upgrade = {
  below: 16,
  apply(c) {
    if (hasAttribute(c.node, 'coordinate_transformation_mode')) return undefined;
    const mode = makeAttribute('coordinate_transformation_mode', 'output_half_pixel');
    return c.with({ attribute: [...c.node.attribute, mode] });
  },
};

const elementwise = ['Add', 'Sub', 'Mul', 'Div', 'Pow', 'And', 'Or', 'Xor', 'Equal', 'Less', 'Greater'];

/** Op → its changes up to set 17 that alter how a node is written, oldest first. */
export const upgrades: Readonly<Record<string, readonly Upgrade[]>> = opTable<readonly Upgrade[]>({
  ...Object.fromEntries(elementwise.map((op) => [op, [oldBroadcast]])),
  BatchNormalization: [batchNormalization],
  Cast: [cast],
  Clip: [clip],
  Concat: [
    {
      below: 4,
      apply: (c) =>
        hasAttribute(c.node, 'axis')
          ? undefined
          : c.with({ attribute: [...c.node.attribute, makeAttribute('axis', 1)] }),
    },
  ],
  Dropout: [dropout],
  Gemm: [{ below: 7, apply: (c) => c.with({}, ['broadcast']) }],
  Hardmax: [flattening],
  LogSoftmax: [flattening],
  PRelu: [prelu],
  Pad: [pad],
  ReduceSum: [{ below: 13, apply: toInput('axes', 1) }],
  Reshape: [{ below: 5, apply: toInput('shape', 1) }],
  Resize: [resize, resizeCoordinates],
  RoiAlign: [roiAlign],
  Scan: [removed(9, 'is a Scan before operator set 9')],
  Scatter: [{ below: 11, apply: (c) => ({ ...c.node, opType: 'ScatterElements' }) }],
  Slice: [slice],
  Softmax: [flattening],
  Split: [{ below: 13, apply: toInput('split', 1) }],
  Squeeze: [{ below: 13, apply: toInput('axes', 1) }],
  Tile: [removed(6, 'repeats one axis, a form before operator set 6')],
  TopK: [topK],
  Unsqueeze: [{ below: 13, apply: toInput('axes', 1) }],
  Upsample: [upsample],
});
