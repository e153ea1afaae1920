import type { PreparedModel } from '../autodiff/prepare/prepare.js';
import type { ClassifyOptions } from '../autodiff/roles/classify.js';
import { forwardGraph } from '../compile/forward-graph.js';
import { channelsLast, findLayout, LAYOUT_TEXT, type Layout } from '../compile/image-layout.js';
import { asPrepared, type LossChoice } from '../compile/loss-model.js';
import type { Batch, Classes, Field, FieldArray, ImageShape, Source } from '../data/index.js';
import { FlatminError } from '../errors.js';
import type { Loss, LossInput } from '../losses/loss.js';
import type { Graph, ModelProto, ValueInfo } from '../onnx/proto.js';
import { dimsOf } from '../onnx/shapes/dimensions.js';
import { DataType, dataTypeName, isFloatingPoint, tensorDims } from '../onnx/tensors/tensor.js';
import type { Runtime } from '../ort/library.js';
import type { Feeds } from '../session/feed/feeds.js';
import type { WeightLayout } from '../session/model-weights.js';

/** How batches of a data set reach a model. */
export interface DataBinding {
  /** Names of the model's trainable parameters. */
  readonly parameters: readonly string[];
  /** The parameters and running statistics with their shapes, and all initializers. */
  readonly weights: WeightLayout;
  readonly initializers: Graph['initializer'];
  /** Sizes of open dimensions that the data give. */
  readonly dims: Readonly<Record<string, number>>;
  /** What has been decided that the user should know. */
  readonly notes: readonly string[];
  /** Class labels that the loss takes, where it compares with such. */
  readonly classes?: number | undefined;
  feeds(batch: Batch): Feeds;
  /** Targets of the data that the loss does not compare with. */
  readonly otherTargets: readonly Field[];
}

export interface BindOptions extends LossChoice, ClassifyOptions {
  /** Samples in a batch. */
  batch: number;
  /** Default: what the model tells. */
  layout?: Layout | undefined;
  /** Taken where nothing tells it; default: that is refused. */
  otherwise?: Layout | undefined;
}

/** The data's part of a binding. */
type DataShape = Pick<Source, 'name' | 'inputs' | 'targets'>;

/** An input of the model, the field that it is fed, and where that is pixels, how they are laid out. */
interface Bound {
  readonly input: ValueInfo;
  readonly field: Field;
  readonly layout?: { readonly layout: Layout; readonly why: string };
}

/**
 * Binds the fields of data to a model and its loss: by name, and where there is one on both sides, whatever the names are. Images are
 * transposed for models that take channels last.
 * @throws FlatminError INVALID_MODEL where the model reads what the data have not, or has other sizes, types or class counts than the
 * data; INVALID_ARGUMENT where nothing tells whether channels are first or last
 */
export async function bindData(
  runtime: Runtime,
  given: ModelProto | PreparedModel,
  loss: Loss,
  data: DataShape,
  options: BindOptions,
): Promise<DataBinding> {
  const prepared = asPrepared(given);
  const { graph } = prepared.model;
  const bound = matchInputs(prepared, data).map(({ input, field }): Bound => {
    if (!field.isImage) return { input, field };
    return { input, field, layout: chooseLayout(graph, input, imageOf(field), data.name, options) };
  });
  const dims = openSizes(graph, bound, data.name);
  const forward = await forwardGraph(runtime, prepared, { ...options, loss, dims }).catch((error) => {
    throw blameLength(error, bound, dims, data.name);
  });
  const targets = matchTargets(forward.lossInputs, data, loss);
  let classes: number | undefined;
  for (const { input, field } of targets) {
    const stated = forward.separated.dataInputs.find(({ name }) => name === input.name);
    if (stated) checkTarget(stated, field, data.name, loss);
    if (!field.classes || !input.labels) continue;
    const { scores = forward.output.name, axis } = input.labels;
    const shape = forward.types.get(scores)?.dims ?? [];
    checkClasses(graph, scores, shape, axis, field.classes, data.name);
    classes = shape[axis];
  }
  const { parameters, statistics } = forward.separated;
  const turned = bound.filter(({ field, layout }) => layout?.layout === 'nhwc' && field.dims[0]! > 1);
  return {
    parameters: parameters.map(({ name }) => name),
    weights: { parameters, statistics },
    initializers: forward.initializers,
    dims,
    classes,
    notes: [
      ...turned.map(({ layout }) => `Images are fed as ${LAYOUT_TEXT.nhwc}: ${layout!.why}.`),
      ...forward.notes,
    ],
    otherTargets: data.targets.filter((field) => !targets.some((each) => each.field === field)),
    feeds: (batch) =>
      Object.fromEntries([
        ...bound.map((each) => [each.input.name, arrayFor(each, batch, turned.includes(each))]),
        ...targets.map(({ input, field }) => [input.name, batch[field.name]!]),
      ]),
  };
}

/** Data as the model of a binding takes them: labels that it has no class for are refused by their file. */
export const boundSource = (source: Source, { classes }: Pick<DataBinding, 'classes'>): Source =>
  (classes === undefined ? undefined : source.within?.(classes)) ?? source;

const imageOf = ({ dims }: Field): ImageShape => dims as unknown as ImageShape;

function arrayFor({ field }: Bound, batch: Batch, isTurned: boolean): FieldArray {
  const array = batch[field.name]!;
  return isTurned ? channelsLast(array as Float32Array, imageOf(field)) : array;
}

/** @throws FlatminError INVALID_MODEL where the model reads what the data have not */
function matchInputs(
  { model: { graph }, constants }: PreparedModel,
  { name, inputs: fields }: DataShape,
): { input: ValueInfo; field: Field }[] {
  const inputs = graph.input.filter((input) => !Object.hasOwn(constants ?? {}, input.name));
  const [only] = fields;
  const isPair = inputs.length === 1 && fields.length === 1;
  const pairs = inputs.map((input) => ({
    input,
    field: isPair ? only! : fields.find((field) => field.name === input.name),
  }));
  const lacking = pairs.filter(({ field }) => !field).map(({ input }) => input.name);
  if (inputs.length === 0 || lacking.length > 0) {
    const read = inputs.map((input) => input.name).join(', ') || '(none)';
    const held = fields.map((field) => field.name).join(', ');
    throw new FlatminError(
      'INVALID_MODEL',
      `Model "${graph.name}" has the inputs ${read}, but ${name} has ${held}${lacking.length > 0 ? `: nothing for ${lacking.join(', ')}. Say what those are, as --constant NAME=VALUE, or which columns of the data, as --map NAME=COLUMN` : ''}.`,
    );
  }
  for (const { input, field } of pairs) {
    checkType(graph, input, field!, name);
    checkRows(graph, input, field!, name);
  }
  return pairs as { input: ValueInfo; field: Field }[];
}

/** @throws FlatminError INVALID_MODEL where an input has another element type than its field */
function checkType(graph: Graph, { name, type }: ValueInfo, field: Field, data: string): void {
  const elemType = type?.tensorType?.elemType ?? DataType.float;
  const isFloat = field.type === 'float' || field.type === 'double';
  if (isFloat ? isFloatingPoint(elemType) : dataTypeName(elemType) === field.type) return;
  throw new FlatminError(
    'INVALID_MODEL',
    `"${name}" of model "${graph.name}" is of type ${dataTypeName(elemType)}, but "${field.name}" of ${data} is of type ${field.type}.`,
  );
}

/** @throws FlatminError INVALID_MODEL where indices could be beyond the rows of a table that they are looked up in */
function checkRows(graph: Graph, { name }: ValueInfo, { name: field, below }: Field, data: string): void {
  if (below === undefined) return;
  for (const { opType, input } of graph.node) {
    const table = opType === 'Gather' && input[1] === name ? input[0] : undefined;
    const tensor = table && graph.initializer.find((each) => each.name === table);
    const [rows] = tensor ? tensorDims(tensor) : [];
    if (rows !== undefined && rows < below)
      throw new FlatminError(
        'INVALID_MODEL',
        `"${field}" of ${data} goes up to ${below - 1}, but "${table}" of model "${graph.name}", which "${name}" is looked up in, has ${rows} rows: a tokenizer of another vocabulary, or a text longer than the model's positions?`,
      );
  }
}

/** @throws FlatminError INVALID_ARGUMENT where a loss compares with targets of another type or another number of elements */
function checkTarget(stated: ValueInfo, field: Field, data: string, loss: Loss): void {
  const type = dataTypeName(stated.type?.tensorType?.elemType ?? DataType.float);
  const dims = dimsOf(stated)?.slice(1) ?? [];
  const sizes = dims.filter((dim): dim is number => typeof dim === 'number');
  const product = (list: readonly number[]) => list.reduce((all, dim) => all * dim, 1);
  const fitsSize = sizes.length < dims.length || product(sizes) === product(field.dims);
  if (field.type === type && fitsSize) return;
  const shape = (list: readonly (number | string)[]) => ['batch', ...list].join(' × ');
  const what = field.classes ? 'class labels' : 'values';
  throw new FlatminError(
    'INVALID_ARGUMENT',
    `The loss ${loss.name} compares with ${type} of ${shape(dims)}, but "${field.name}" of ${data} is ${what}, ${field.type} of ${shape(field.dims)}: choose another loss (--loss) or another output of the model (--output).`,
  );
}

/** @throws FlatminError INVALID_ARGUMENT where the loss compares with what the data have not */
function matchTargets(
  lossInputs: readonly LossInput[],
  { name, targets }: DataShape,
  loss: Loss,
): { input: LossInput; field: Field }[] {
  return lossInputs.map((input, at) => {
    const named = targets.find((target) => target.name === input.name);
    const field = named ?? (targets.length === lossInputs.length ? targets[at] : undefined);
    if (field) return { input, field };
    const held = targets.map((target) => target.name).join(', ') || 'none';
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `The loss ${loss.name} compares with ${lossInputs.map((each) => each.name).join(', ')}, but the targets of ${name} are ${held}: choose another loss, or say which columns they are, as --map ${input.name}=COLUMN.`,
    );
  });
}

/** @throws FlatminError INVALID_ARGUMENT where channels could be first or last */
function chooseLayout(
  graph: Graph,
  input: ValueInfo,
  shape: ImageShape,
  name: string,
  { layout: asked, otherwise }: BindOptions,
): { layout: Layout; why: string } {
  if (asked) return { layout: asked, why: `--layout ${asked}` };
  const found = findLayout(graph, input);
  if (found?.layout) return { layout: found.layout, why: `of "${input.name}", ${found.why}` };
  const stated = dimsOf(input) ?? [];
  const fitting = (['nchw', 'nhwc'] as const).filter((layout) => fits(stated, arranged(shape, layout)));
  const [only] = fitting;
  if (stated.length === 4 && only && fitting.length === 1)
    return { layout: only, why: `of "${input.name}", only so do the images fit ${stated.join(' × ')}` };
  if (shape[0] === 1 || fitting.length === 0) return { layout: 'nchw', why: 'there is one channel' };
  if (otherwise) return { layout: otherwise, why: 'nothing tells it' };
  throw new FlatminError(
    'INVALID_ARGUMENT',
    `The model does not tell whether its input "${input.name}" (${stated.join(' × ')}) takes the ${shape[0]} channels of ${name} first or last: say it, --layout nchw or --layout nhwc.`,
  );
}

const arranged = ([channels, height, width]: ImageShape, layout: Layout): number[] =>
  layout === 'nchw' ? [channels, height, width] : [height, width, channels];

/** Whether samples of this shape fit the axes behind the batch, or their product where these are fewer or more. */
function fits(stated: readonly (number | string)[], image: readonly number[]): boolean {
  const dims = stated.slice(1);
  if (dims.length === image.length)
    return dims.every((dim, axis) => typeof dim === 'string' || dim === image[axis]);
  const product = (list: readonly (number | string)[]) =>
    list.reduce<number>((all, dim) => all * (typeof dim === 'number' ? dim : 1), 1);
  const open = dims.filter((dim) => typeof dim === 'string').length;
  const rest = product(image) / product(dims);
  return open === 0 ? rest === 1 : Number.isInteger(rest);
}

/** That samples of tokens are longer than a model has positions shows where it is built. */
function blameLength(
  error: unknown,
  bound: readonly Bound[],
  dims: Readonly<Record<string, number>>,
  data: string,
): unknown {
  const tokens = bound.find(({ field }) => field.below !== undefined)?.field;
  if (!tokens || !(error instanceof FlatminError) || Object.keys(dims).length === 0) return error;
  return new FlatminError(
    error.code,
    `${error.message.replace(/\.?$/, '.')} Samples of ${data} are ${tokens.dims.join(' × ')} tokens, which the model leaves open: where that is more than it has positions, give a smaller --length.`,
    { cause: error },
  );
}

/** The sizes of the inputs' open dimensions. @throws FlatminError INVALID_MODEL where samples do not fit an input */
function openSizes(graph: Graph, bound: readonly Bound[], data: string): Record<string, number> {
  const sizes = new Map<string, number>();
  for (const each of bound) {
    for (const [symbol, size] of sizesOf(graph, each, data)) {
      const before = sizes.get(symbol) ?? size;
      if (before !== size)
        throw new FlatminError(
          'INVALID_MODEL',
          `The dimension ${symbol} of "${each.input.name}" is ${size} in ${data}, but ${before} in another input.`,
        );
      sizes.set(symbol, size);
    }
  }
  return Object.fromEntries(sizes);
}

function sizesOf({ name: model }: Graph, { input, field, layout }: Bound, data: string): [string, number][] {
  const stated = dimsOf(input);
  if (!stated) return [];
  const sample = layout ? arranged(imageOf(field), layout.layout) : field.dims;
  if (!fits(stated, sample)) {
    const as = layout && stated.length === 4 ? ` (${LAYOUT_TEXT[layout.layout]})` : '';
    const what = field.isImage ? `images of ${data}` : `"${field.name}" of ${data}`;
    throw new FlatminError(
      'INVALID_MODEL',
      `"${input.name}" of model "${model}" has shape ${stated.join(' × ')}${as}, which does not fit ${what} (${['batch', ...field.dims].join(' × ')}).`,
    );
  }
  const dims = stated.slice(1);
  if (dims.length === sample.length)
    return dims.flatMap((dim, axis) => (typeof dim === 'string' ? [[dim, sample[axis]!]] : []));
  const open = dims.filter((dim) => typeof dim === 'string');
  const known = dims.reduce<number>((all, dim) => all * (typeof dim === 'number' ? dim : 1), 1);
  const elements = sample.reduce((all, dim) => all * dim, 1);
  return open.length === 1 ? [[open[0]!, elements / known]] : [];
}

/** More names of classes are not listed. */
const MOST_NAMED = 20;

/** @throws FlatminError INVALID_MODEL where the scores are not one for each class */
function checkClasses(
  { name: model }: Graph,
  scores: string,
  dims: readonly number[],
  axis: number,
  { count, names, largestAt, isPartial }: Classes,
  data: string,
): void {
  if (dims[axis] === count || (isPartial && dims[axis]! > count)) return;
  const isBeyond = count > (dims[axis] ?? 0);
  const largest = largestAt === undefined ? '' : `, the largest label, ${count - 1}, in ${largestAt}`;
  const named = names.some((name, label) => name !== String(label));
  const shown = named
    ? `, ${names.slice(0, MOST_NAMED).join(', ')}${count > MOST_NAMED ? ', …' : ''}`
    : largest;
  throw new FlatminError(
    'INVALID_MODEL',
    `"${scores}" of model "${model}" has shape ${['batch', ...dims.slice(1)].join(' × ')}, which does not fit the ${count} classes of ${data}${isBeyond ? shown : ''}: --head ${count} gives it a new last layer.`,
  );
}
