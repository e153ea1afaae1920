import { describeNode } from '../../onnx/attributes.js';
import { copyMessage } from '../../onnx/model.js';
import { int64, type ModelProto, type Tensor } from '../../onnx/proto.js';
import { encodeFloats } from '../../onnx/tensors/floats.js';
import { type DataTypeName, dataTypeName, elementCount, makeTensor } from '../../onnx/tensors/tensor.js';
import { checked, option } from '../../options/option.js';
import { count, countOrZero, text } from '../../options/values.js';
import { Initializer } from '../initializer.js';
import { requireRoom } from '../room.js';
import { applyTo, dimsFor } from './apply.js';
import { findLayer, scoresOf } from './find-layer.js';
import { follow } from './follow.js';
import type { ClassTensor, HeadLayer } from './layer.js';
import { Values } from './values.js';

const options = {
  classes: option(count, { symbol: 'classes', help: 'of the new layer' }),
  seed: option(countOrZero, { symbol: 'n', help: 'of the new weights', default: 0 }),
  output: option(text.optional(), { symbol: 'name', help: 'the scores' }),
};

/** Options of `replaceHead`. */
export interface ReplaceHeadOptions {
  /** Of the new layer; as many as before gives it new weights alone. */
  classes: number;
  /** Of the new weights; default 0. */
  seed?: number | undefined;
  /** The value whose layer is replaced: an output of the model, or one inside. Default: its first output of floats. */
  output?: string | undefined;
}

/** The last layer of a classifier. */
export interface Head {
  /** The node, such as 'Gemm "fc"'. */
  readonly layer: string;
  /** Its weight and, where it has one, its bias, as the file calls them. */
  readonly parameters: readonly string[];
  /** How many scores it makes for each sample or position. */
  readonly classes: number;
}

/** What `replaceHead` makes: the new layer, by the names that it has in the new model. */
export interface ReplacedHead extends Head {
  /** The model with the new layer. */
  readonly model: ModelProto;
  /** Classes of the layer that was replaced. */
  readonly classesBefore: number;
  /** What was done, a sentence. */
  readonly note: string;
}

/** Notes of the model that say what its classes are called, or how many they are. */
const OF_CLASSES = /^(names|labels|classes|class_?names|id2label|label2id|num_?(classes|labels))$/i;

/**
 * Replaces the last layer of a classifier by a new one for another number of classes, as fine-tuning begins: the Gemm, the MatMul with what
 * is added to it, the Conv or the ConvTranspose that an output is made by. The given model is not changed; the new one has the same names, with the stated
 * shapes of weights, values and outputs, and the constants that Reshapes read, as the new number has them.
 *
 * Weights and bias are U(−1/√n, 1/√n), with n the terms of a score: the input features, of a convolution times the positions of its kernel
 * that reach one score (for Linear and Conv2d that is PyTorch's default). Their type is that of the layer's weights (float32, float16, bfloat16 or double); a layer without
 * bias gets none. Scale factors of a Gemm (alpha, beta) stay.
 *
 * Behind the layer may stand what takes any number of classes: softmax, sigmoid and other elementwise operators, pooling over positions,
 * casts, new shapes, reductions over the classes; several outputs that are made by it all change.
 * @throws FlatminError INVALID_ARGUMENT; INVALID_MODEL with the reason where the end of the model is of another form: the weight is read
 * elsewhere too, computed or quantised, the output is made by several layers, or a node behind the layer knows the classes
 */
export function replaceHead(model: ModelProto, given: ReplaceHeadOptions): ReplacedHead {
  const { classes, seed, output } = checked(options, given);
  const { values, layer, edits, scores } = read(model, output, classes);
  const { weight, node } = layer;
  requireRoom(`A layer of ${classes} classes`, classes * layer.fanIn);
  const random = new Initializer(seed);
  const make = (tensor: ClassTensor): Tensor => {
    const dims = dimsFor(tensor, classes);
    const numbers = random.uniform(elementCount(dims), 1 / Math.sqrt(layer.fanIn));
    return makeTensor(
      tensor.name,
      dataTypeName(tensor.type) as DataTypeName,
      dims,
      encodeFloats(tensor.type, numbers),
    );
  };
  const oldBias = layer.bias ? { tensor: layer.bias, node } : edits.addedBias;
  const made = make(weight);
  const bias = oldBias && { node: oldBias.node, replaces: oldBias.tensor.name, tensor: make(oldBias.tensor) };
  const isListed = int64(model.irVersion, 4) < 4;
  const { graph, parameters } = applyTo(
    model.graph,
    values,
    layer,
    edits,
    { weight: made, bias },
    { classes, isListed },
  );
  const notes = model.metadataProps.filter(({ key = '' }) => OF_CLASSES.test(key));
  const changed = Object.assign(copyMessage(model), {
    graph,
    metadataProps: model.metadataProps.filter((each) => !notes.includes(each)),
  });
  const what = describeNode(node);
  const left =
    notes.length > 0 ? `; the file's "${notes.map(({ key }) => key).join('", "')}" is left out` : '';
  return {
    model: changed,
    layer: what,
    parameters,
    classes,
    classesBefore: layer.classes,
    note: `The last layer, ${what}, which makes "${scores}", is a new one: ${classes} classes instead of ${layer.classes} (${parameters.join(', ')})${left}.`,
  };
}

/** The last layer of a classifier, as `replaceHead` would replace it. @throws FlatminError INVALID_MODEL */
export function findHead(model: ModelProto, output?: string): Head {
  const { layer, edits } = read(model, output);
  const bias = layer.bias ?? edits.addedBias?.tensor;
  return {
    layer: describeNode(layer.node),
    parameters: [layer.weight.name, ...(bias ? [bias.name] : [])],
    classes: layer.classes,
  };
}

function read(model: ModelProto, output: string | undefined, classes?: number) {
  const values = new Values(model.graph);
  const scores = scoresOf(model.graph, output);
  const layer: HeadLayer = findLayer(values, scores);
  return { values, scores, layer, edits: follow(layer, values, classes ?? layer.classes) };
}
