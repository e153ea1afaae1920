import { describeNode, intAttribute, intsAttribute } from '../onnx/attributes.js';
import { opKey } from '../onnx/domains.js';
import type { Graph, Node, ValueInfo } from '../onnx/proto.js';
import { dimsOf } from '../onnx/shapes/dimensions.js';
import { constantInts, constantTensor } from '../onnx/tensors/constants.js';
import { tensorDims } from '../onnx/tensors/tensor.js';

/** Order of the axes of images: channels first, or last. */
export const LAYOUTS = ['nchw', 'nhwc'] as const;
/** Order of the axes of images: 'nchw' N×C×H×W, 'nhwc' N×H×W×C. */
export type Layout = (typeof LAYOUTS)[number];

export const LAYOUT_TEXT: Readonly<Record<Layout, string>> = {
  nchw: 'batch × channels × height × width',
  nhwc: 'batch × height × width × channels',
};

export interface FoundLayout {
  /** Undefined where nothing tells it. */
  readonly layout: Layout | undefined;
  /** What tells it. */
  readonly why: string;
}

/** The layout of an input of four axes, from what the first nodes do with it, else from its shape; undefined for other inputs. */
export function findLayout(graph: Graph, input: ValueInfo): FoundLayout | undefined {
  const dims = dimsOf(input);
  if (dims?.length !== 4) return undefined;
  return byNodes(graph, input.name, dims) ?? byShape(dims);
}

const isChannels = (dim: number | string | undefined): boolean => dim === 1 || dim === 3 || dim === 4;

function byShape(dims: readonly (number | string)[]): FoundLayout {
  const [first, last] = [isChannels(dims[1]), isChannels(dims[3])];
  if (first === last)
    return { layout: undefined, why: `its shape ${dims.join(' × ')} and its first nodes do not tell` };
  return { layout: last ? 'nhwc' : 'nchw', why: `its shape is ${dims.join(' × ')}` };
}

/** Ops that leave the axes where they are. */
const ELEMENTWISE = new Set(['Abs', 'Cast', 'Clip', 'Dropout', 'Identity', 'Neg', 'Pad', 'Resize', 'Sqrt']);
/** Ops whose data have channels on axis 1. */
const CHANNELS_FIRST = new Set([
  'AveragePool',
  'BatchNormalization',
  'Conv',
  'ConvTranspose',
  'DepthToSpace',
  'GlobalAveragePool',
  'GroupNormalization',
  'InstanceNormalization',
  'LRN',
  'MaxPool',
  'SpaceToDepth',
]);
const ARITHMETIC = new Set(['Add', 'Div', 'Mul', 'Sub']);
/** Nodes that are followed. */
const LIMIT = 64;

/** What the first nodes that know channels take them to be. */
function byNodes(graph: Graph, input: string, dims: readonly (number | string)[]): FoundLayout | undefined {
  const values = [input];
  for (let at = 0; at < values.length && at < LIMIT; at++) {
    for (const node of graph.node) {
      const index = node.input.indexOf(values[at]!);
      if (index < 0) continue;
      const layout = layoutFor(graph, node, index, dims);
      if (layout) return { layout, why: `${describeNode(node)} takes it so` };
      const follows = ELEMENTWISE.has(opKey(node)) || ARITHMETIC.has(opKey(node));
      if (follows && (index === 0 || ARITHMETIC.has(opKey(node)))) values.push(node.output[0]!);
    }
  }
  return undefined;
}

function layoutFor(
  graph: Graph,
  node: Node,
  index: number,
  dims: readonly (number | string)[],
): Layout | undefined {
  const key = opKey(node);
  if (CHANNELS_FIRST.has(key) && index === 0) return 'nchw';
  if (key === 'Transpose') {
    const perm = intsAttribute(node, 'perm', []).join();
    return perm === '0,3,1,2' ? 'nhwc' : perm === '0,2,3,1' ? 'nchw' : undefined;
  }
  if (ARITHMETIC.has(key)) return layoutOfOperand(graph, node.input[1 - index]);
  const axis = channelAxis(graph, node);
  const counted = axis !== undefined && axis < 0 ? axis + 4 : axis;
  if (
    index !== 0 ||
    counted === undefined ||
    !(typeof dims[counted] === 'string' || isChannels(dims[counted]))
  )
    return undefined;
  return counted === 1 ? 'nchw' : counted === 3 ? 'nhwc' : undefined;
}

/** Of a mean or deviation for each channel. */
function layoutOfOperand(graph: Graph, name: string | undefined): Layout | undefined {
  const tensor = name ? constantTensor(graph, name) : undefined;
  if (!tensor) return undefined;
  const dims = tensorDims(tensor);
  const padded = [...Array.from({ length: Math.max(0, 4 - dims.length) }, () => 1), ...dims];
  const [, first, second, last] = padded;
  if (second !== 1 || first === last) return undefined;
  return first === 1 ? 'nhwc' : last === 1 ? 'nchw' : undefined;
}

/** The axis that a node takes apart. */
function channelAxis(graph: Graph, node: Node): number | undefined {
  switch (opKey(node)) {
    case 'Gather':
    case 'Split':
      return intAttribute(node, 'axis', 0);
    case 'Slice': {
      const axes = node.input[3] ? constantInts(graph, node.input[3]) : undefined;
      return axes?.length === 1 ? axes[0] : undefined;
    }
    default:
      return undefined;
  }
}

/** N×C×H×W as N×H×W×C. @param shape channels × height × width */
export function channelsLast(
  images: Float32Array,
  [channels, height, width]: readonly [number, number, number],
): Float32Array {
  const pixels = height * width;
  const sample = channels * pixels;
  const out = new Float32Array(images.length);
  for (let start = 0; start < images.length; start += sample)
    for (let channel = 0; channel < channels; channel++) {
      const from = start + channel * pixels;
      for (let pixel = 0; pixel < pixels; pixel++)
        out[start + pixel * channels + channel] = images[from + pixel]!;
    }
  return out;
}
