import type { PreparedModel } from '../autodiff/prepare/prepare.js';
import type { ClassifyOptions } from '../autodiff/roles/classify.js';
import { forwardGraph } from '../compile/forward-graph.js';
import { channelsLast, findLayout, LAYOUT_TEXT, type Layout } from '../compile/image-layout.js';
import { asPrepared, type LossChoice } from '../compile/loss-model.js';
import type { Batch, Dataset } from '../data/index.js';
import { FlatminError } from '../errors.js';
import type { Loss } from '../losses/loss.js';
import type { Graph, ModelProto, ValueInfo } from '../onnx/proto.js';
import { dimsOf } from '../onnx/shapes/dimensions.js';
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
  /** Sizes of open dimensions that the images give. */
  readonly dims: Readonly<Record<string, number>>;
  /** What has been decided that the user should know. */
  readonly notes: readonly string[];
  feeds(batch: Batch): Feeds;
}

export interface BindOptions extends LossChoice, ClassifyOptions {
  /** Samples in a batch. */
  batch: number;
  /** Default: what the model tells. */
  layout?: Layout | undefined;
  /** Taken where nothing tells it; default: that is refused. */
  otherwise?: Layout | undefined;
}

type DataShape = Pick<Dataset, 'name' | 'shape' | 'classes'>;

/**
 * Binds a data set's images and labels to a model and its loss, whatever their names are; images are transposed for models that take channels
 * last.
 * @throws FlatminError INVALID_MODEL where the model has not one input, or other image sizes or class counts than the data;
 * INVALID_ARGUMENT where nothing tells whether channels are first or last
 */
export async function bindData(
  runtime: Runtime,
  given: ModelProto | PreparedModel,
  loss: Loss,
  dataset: DataShape,
  options: BindOptions,
): Promise<DataBinding> {
  const prepared = asPrepared(given);
  const { graph } = prepared.model;
  const inputs = graph.input.filter(({ name }) => !Object.hasOwn(prepared.constants ?? {}, name));
  const [input] = inputs;
  if (!input || inputs.length > 1) {
    throw new FlatminError(
      'INVALID_MODEL',
      `Model "${graph.name}" has the inputs ${inputs.map(({ name }) => name).join(', ') || '(none)'}, but a data set of images needs one${input ? ': say what the others are, as --constant NAME=VALUE' : ''}.`,
    );
  }
  const { layout, why } = chooseLayout(graph, input, dataset, options);
  const dims = imageSizes(graph, input, dataset, layout);
  const forward = await forwardGraph(runtime, prepared, { ...options, loss, dims });
  const [target] = forward.lossInputs;
  const scores = target?.labels?.scores ?? forward.output.name;
  checkClasses(graph, scores, forward.types.get(scores)?.dims ?? [], dataset);
  const { parameters, statistics } = forward.separated;
  const [channels] = dataset.shape;
  const isTurned = layout === 'nhwc' && channels > 1;
  const turned = `Images are fed as ${LAYOUT_TEXT.nhwc}: ${why}.`;
  return {
    parameters: parameters.map(({ name }) => name),
    weights: { parameters, statistics },
    initializers: forward.initializers,
    dims,
    notes: [...(isTurned ? [turned] : []), ...forward.notes],
    feeds: ({ images, labels }) => ({
      [input.name]: isTurned ? channelsLast(images, dataset.shape) : images,
      [target?.name ?? '']: labels,
    }),
  };
}

/** @throws FlatminError INVALID_ARGUMENT where channels could be first or last */
function chooseLayout(
  graph: Graph,
  input: ValueInfo,
  { shape, name }: DataShape,
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

const arranged = ([channels, height, width]: Dataset['shape'], layout: Layout): number[] =>
  layout === 'nchw' ? [channels, height, width] : [height, width, channels];

/** Whether images fit the axes behind the batch, or their product where these are fewer or more. */
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

/** The sizes of the input's open dimensions. @throws FlatminError INVALID_MODEL where images do not fit the input */
function imageSizes(
  { name: model }: Graph,
  input: ValueInfo,
  { name, shape }: DataShape,
  layout: Layout,
): Record<string, number> {
  const stated = dimsOf(input);
  if (!stated) return {};
  const image = arranged(shape, layout);
  if (!fits(stated, image)) {
    const as = stated.length === 4 ? ` (${LAYOUT_TEXT[layout]})` : '';
    throw new FlatminError(
      'INVALID_MODEL',
      `"${input.name}" of model "${model}" has shape ${stated.join(' × ')}${as}, which does not fit images of ${name} (batch × ${shape.join(' × ')}).`,
    );
  }
  const dims = stated.slice(1);
  if (dims.length === image.length)
    return Object.fromEntries(
      dims.flatMap((dim, axis) => (typeof dim === 'string' ? [[dim, image[axis]!]] : [])),
    );
  const open = dims.filter((dim) => typeof dim === 'string');
  const known = dims.reduce<number>((all, dim) => all * (typeof dim === 'number' ? dim : 1), 1);
  const pixels = image.reduce((all, dim) => all * dim, 1);
  return open.length === 1 ? { [open[0]!]: pixels / known } : {};
}

/** @throws FlatminError INVALID_MODEL where the scores are not one for each class */
function checkClasses(
  { name: model }: Graph,
  scores: string,
  dims: readonly number[],
  { name, classes }: DataShape,
): void {
  if (dims.slice(1).reduce((all, dim) => all * dim, 1) === classes) return;
  throw new FlatminError(
    'INVALID_MODEL',
    `"${scores}" of model "${model}" has shape ${['batch', ...dims.slice(1)].join(' × ')}, which does not fit the ${classes} classes of ${name}: --head ${classes} gives it a new last layer.`,
  );
}
