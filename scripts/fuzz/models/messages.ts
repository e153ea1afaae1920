import { rules } from '../../../src/autodiff/registry.js';
import { emptyGraph } from '../../../src/onnx/builder.js';
import type { Attribute, Dimension, ModelProto } from '../../../src/onnx/proto.js';
import type { Draw } from '../draw.js';
import { addChain, addFunctions, addNesting } from './deep.js';
import { type Parts, partsOf } from './parts.js';

type Mutation = (draw: Draw, parts: Parts, model: ModelProto) => void;

const SIZES = [
  0,
  -1,
  1,
  2,
  3,
  7,
  255,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
  2 ** 40,
  2 ** 53,
  -(2 ** 62),
];
const FLOATS = [0, -0, 1, -1, 1e-38, 1e38, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
const NAMES = [
  '',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'length',
  '\0',
  'a\nb',
  '0',
  '.*(',
  '%s',
];
const OPS = [
  ...Object.keys(rules),
  'If',
  'Loop',
  'Scan',
  'Constant',
  'Shape',
  'ConstantOfShape',
  'Range',
  'NonZero',
  'Nope',
];

const randomName = (draw: Draw, { names }: Parts) =>
  (draw.chance(0.7) ? draw.pick(names) : draw.pick(NAMES)) ?? '';

/** Another value of another type, under the same name. */
function otherValue(draw: Draw, name: string): Attribute {
  const bytes = () =>
    new TextEncoder().encode(draw.pick([...NAMES, 'SAME_UPPER', 'NOTSET', 'mean', 'linear']));
  const sizes = () => Array.from({ length: draw.integer(0, 5) }, () => draw.pick(SIZES));
  return draw.pick<() => Attribute>([
    () => ({ name, type: 1, f: draw.pick(FLOATS) }),
    () => ({ name, type: 2, i: draw.pick(SIZES) }),
    () => ({ name, type: 3, s: bytes() }),
    () => ({ name, type: 4, t: { dims: sizes(), dataType: draw.integer(0, 25) } }),
    () => ({ name, type: 5, g: emptyGraph('empty') }),
    () => ({ name, type: 6, floats: [draw.pick(FLOATS), draw.pick(FLOATS)] }),
    () => ({ name, type: 7, ints: sizes() }),
    () => ({ name, type: 8, strings: [bytes()] }),
    () => ({ name, type: draw.integer(0, 16) }),
    () => ({ name, refAttrName: draw.pick(NAMES) }),
  ])();
}

const sizeOf = (draw: Draw): Dimension =>
  draw.pick<Dimension>([{ dimValue: draw.pick(SIZES) }, { dimParam: draw.pick(NAMES) }, {}]);

function changeOne<T>(draw: Draw, list: T[], make: () => T): void {
  if (list.length > 0) list[draw.integer(0, list.length - 1)] = make();
}

/** Removes, repeats, moves or swaps an element. */
function reorder<T>(draw: Draw, list: T[]): void {
  if (list.length === 0) return;
  const [from, to] = [draw.integer(0, list.length - 1), draw.integer(0, list.length - 1)];
  switch (draw.integer(0, 3)) {
    case 0:
      list.splice(from, 1);
      break;
    case 1:
      list.splice(to, 0, list[from]!);
      break;
    case 2:
      list.splice(to, 0, ...list.splice(from, 1));
      break;
    default:
      [list[from], list[to]] = [list[to]!, list[from]!];
  }
}

const onNode =
  (change: (draw: Draw, node: Parts['nodes'][number], parts: Parts) => void): Mutation =>
  (draw, parts) => {
    if (parts.nodes.length > 0) change(draw, draw.pick(parts.nodes), parts);
  };

const mutations: readonly Mutation[] = [
  // Nodes and edges
  (draw, { graphs }) => reorder(draw, draw.pick(graphs).node),
  onNode((draw, node) => reorder(draw, node.input)),
  onNode((draw, node) => reorder(draw, node.output)),
  onNode((draw, node, parts) => changeOne(draw, node.input, () => randomName(draw, parts))),
  onNode((draw, node, parts) => changeOne(draw, node.input, () => randomName(draw, parts))),
  onNode((draw, node, parts) => changeOne(draw, node.output, () => randomName(draw, parts))),
  onNode((draw, node, parts) => node.input.push(randomName(draw, parts))),
  onNode((draw, node) => {
    node.opType = draw.pick(OPS);
  }),
  onNode((draw, node) => {
    node.domain = draw.pick([...NAMES, 'com.microsoft', 'ai.onnx.ml', 'flatmin']);
  }),
  onNode((draw, node, parts) => {
    node.name = randomName(draw, parts);
  }),
  // Attributes
  onNode((draw, node) => reorder(draw, node.attribute)),
  onNode((draw, node) =>
    changeOne(draw, node.attribute, () => otherValue(draw, draw.pick(node.attribute).name)),
  ),
  onNode((draw, node, { attributes }) => {
    if (attributes.length > 0) node.attribute.push(otherValue(draw, draw.pick(attributes).name));
  }),
  (draw, { attributes }) => {
    const attribute = draw.pick(attributes.filter(({ i, ints }) => i !== undefined || ints?.length));
    if (attribute?.ints?.length) changeOne(draw, attribute.ints, () => draw.pick(SIZES));
    else if (attribute) attribute.i = draw.pick(SIZES);
  },
  // Tensors
  (draw, { tensors }) => {
    const tensor = draw.pick(tensors);
    if (tensor) changeOne(draw, (tensor.dims ??= []), () => draw.pick(SIZES));
  },
  (draw, { tensors }) => {
    const tensor = draw.pick(tensors);
    if (tensor) reorder(draw, (tensor.dims ??= []));
  },
  (draw, { tensors }) => {
    const tensor = draw.pick(tensors);
    if (tensor) tensor.dataType = draw.integer(0, 25);
  },
  (draw, { tensors }) => {
    const tensor = draw.pick(tensors);
    // What an earlier mutation put in its place may be of any type.
    if (tensor?.rawData instanceof Uint8Array)
      tensor.rawData = tensor.rawData.subarray(0, draw.integer(0, tensor.rawData.length));
  },
  (draw, { tensors }) => {
    // Whole numbers that shapes, axes and indices are made of.
    const tensor = draw.pick(tensors.filter(({ dataType, rawData }) => dataType === 7 && rawData?.length));
    if (!tensor) return;
    const bytes = Buffer.from(tensor.rawData!);
    const count = Math.floor(bytes.length / 8);
    if (count > 0) bytes.writeBigInt64LE(BigInt(draw.pick(SIZES)), 8 * draw.integer(0, count - 1));
    tensor.rawData = bytes;
  },
  (draw, parts) => {
    const tensor = draw.pick(parts.tensors);
    if (tensor) tensor.name = randomName(draw, parts);
  },
  (draw, { tensors }) => {
    const tensor = draw.pick(tensors);
    if (!tensor) return;
    const location = draw.pick(['weights.bin', '', '.', '..', '/dev/zero', 'no/such', 'a\0b']);
    const entries = { location, offset: String(draw.pick(SIZES)), length: String(draw.pick(SIZES)) };
    tensor.dataLocation = 1;
    tensor.externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
  },
  // What the graph states of its values
  (draw, { infos }) => {
    const shape = draw.pick(infos)?.type?.tensorType?.shape;
    if (shape) changeOne(draw, (shape.dim ??= []), () => sizeOf(draw));
  },
  (draw, { infos }) => {
    const shape = draw.pick(infos)?.type?.tensorType?.shape;
    if (shape?.dim) reorder(draw, shape.dim);
  },
  (draw, { infos }) => {
    const type = draw.pick(infos)?.type?.tensorType;
    if (type) type.elemType = draw.integer(0, 25);
  },
  (draw, { infos }) => {
    const info = draw.pick(infos);
    if (!info) return;
    if (draw.chance(0.3)) delete info.type;
    else if (draw.chance(0.5) && info.type?.tensorType) delete info.type.tensorType.shape;
    else info.type = { sequenceType: { elemType: info.type ?? {} } };
  },
  (draw, parts) => {
    const info = draw.pick(parts.infos);
    if (info) info.name = randomName(draw, parts);
  },
  (draw, { graphs }) => reorder(draw, draw.pick(graphs).input),
  (draw, { graphs }) => reorder(draw, draw.pick(graphs).output),
  (draw, { graphs }) => reorder(draw, draw.pick(graphs).initializer),
  // The model
  (draw, _, model) => reorder(draw, model.opsetImport),
  (draw, _, model) => {
    const set = draw.pick(model.opsetImport);
    if (set) set.version = draw.pick([...SIZES, 6, 9, 11, 13, 17, 21, 25]);
  },
  (draw, _, model) => {
    model.irVersion = draw.pick([...SIZES, 3, 8, 10]);
  },
];

const deep: readonly Mutation[] = [
  (draw, _, model) => addChain(draw, model),
  (draw, _, model) => addChain(draw, model),
  (draw, _, model) => addNesting(draw, model),
  (draw, _, model) => addFunctions(draw, model),
];

/** Changes a model in place: one to eight faults in its messages. */
export function mutateModel(draw: Draw, model: ModelProto): void {
  for (let left = draw.pick([1, 1, 2, 3, 8]); left > 0; left--)
    draw.pick(mutations)(draw, partsOf(model), model);
}

/** Makes a model deep in place: long chains, bodies in bodies, functions that call functions. */
export function deepen(draw: Draw, model: ModelProto): void {
  draw.pick(deep)(draw, partsOf(model), model);
}
