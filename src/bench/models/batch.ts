import { normals, uniforms } from '../../addon/random.js';
import { FlatminError } from '../../errors.js';
import type { NpyArray } from '../../formats/npy.js';
import { readNpz } from '../../formats/npz.js';
import type { Loss } from '../../losses/loss.js';
import { namedLoss } from '../../losses/named.js';
import type { Graph } from '../../onnx/proto.js';
import { dimsOf } from '../../onnx/shapes/dimensions.js';
import {
  dataTypeName,
  elementCount,
  isFloatingPoint,
  type TensorData,
  viewBytes,
} from '../../onnx/tensors/tensor.js';
import type { FeedInput } from '../../session/feed/check-feed.js';
import type { Feeds } from '../../session/feed/feeds.js';
import type { TrainingSessionOptions } from '../../session/session-options.js';

/** What a model is trained on while it is measured. */
export interface ModelBatch {
  readonly loss: Loss;
  /** That the session is built for. */
  readonly sizes: Pick<TrainingSessionOptions, 'batch' | 'dims' | 'shapes'>;
  /** The batch, for what a session must be fed. */
  feeds(inputs: readonly FeedInput[]): Feeds;
}

/** Arrays with the loss that they are the targets of. */
const TARGETS = { labels: 'cross-entropy', targets: 'mse' } as const;
type Target = keyof typeof TARGETS;
const isTarget = (name: string): name is Target => Object.hasOwn(TARGETS, name);

const shapeText = (dims: readonly (number | string)[]): string => `[${dims.join(', ')}]`;

/**
 * The batch of an .npz: an array for each input of the model, by its name, and `labels` (classes, for cross-entropy) or `targets` (numbers,
 * for the mean squared error).
 * @param graph of the model, prepared
 * @throws FlatminError INVALID_DATA naming the array that is missing, unknown or of another shape or type than the model's input
 */
export async function readBatch(path: string, graph: Graph): Promise<ModelBatch> {
  const arrays = await readNpz(path);
  const fault = (what: string) => new FlatminError('INVALID_DATA', `${path}: ${what}`);
  const targets = [...arrays.keys()].filter(isTarget);
  const [target] = targets;
  const held = [...arrays].map(([name, { dims }]) => `${name} ${shapeText(dims)}`).join(', ') || 'nothing';
  if (target === undefined || targets.length > 1)
    throw fault(
      `expected an array named labels (classes) or targets (numbers), and one of them alone, but it holds ${held}.`,
    );
  const inputs = new Set(graph.input.map(({ name }) => name));
  const stray = [...arrays.keys()].find((name) => !inputs.has(name) && name !== target);
  if (stray !== undefined)
    throw fault(`the array ${stray} is no input of the model, whose inputs are ${[...inputs].join(', ')}.`);
  for (const input of graph.input) {
    const array = arrays.get(input.name);
    if (!array) throw fault(`expected an array for the model's input ${input.name}, but it holds ${held}.`);
    const stated = dimsOf(input);
    const fits =
      !stated ||
      (stated.length === array.dims.length &&
        stated.every((dim, axis) => typeof dim === 'string' || dim === array.dims[axis]));
    if (!fits)
      throw fault(
        `expected ${input.name} to have the shape ${shapeText(stated)} of the model's input, but received ${shapeText(array.dims)}.`,
      );
  }
  const { dims, dtype } = arrays.get(target)!;
  const floating = dtype === 'float' || dtype === 'double';
  if (floating !== (target === 'targets'))
    throw fault(
      `expected ${target} to hold ${floating ? 'integers' : 'floating-point numbers'}, but it is of ${dtype}.`,
    );
  const shapes = Object.fromEntries([...inputs].map((name) => [name, arrays.get(name)!.dims]));
  return {
    loss: namedLoss(TARGETS[target], { targets: { dims, floating } }),
    sizes: { shapes },
    feeds: (wanted) =>
      Object.fromEntries(
        wanted.map((input) => [
          input.name,
          fitted(arrays.get(inputs.has(input.name) ? input.name : target)!, input, path),
        ]),
      ),
  };
}

/** @throws FlatminError INVALID_DATA for another shape, or fractions where the model takes integers */
function fitted({ dims, data }: NpyArray, input: FeedInput, path: string): TensorData {
  const { name, type } = input;
  const isSame = dims.length === input.dims.length && dims.every((dim, axis) => dim === input.dims[axis]);
  if (!isSame)
    throw new FlatminError(
      'INVALID_DATA',
      `${path}: expected ${name} to have shape ${shapeText(input.dims)}, but received ${shapeText(dims)}.`,
    );
  const empty = viewBytes(new Uint8Array(0), type, name);
  if (data.constructor === empty.constructor) return data;
  const isFloat = data instanceof Float32Array || data instanceof Float64Array;
  if (isFloat !== isFloatingPoint(type))
    throw new FlatminError(
      'INVALID_DATA',
      `${path}: expected ${name} to hold ${dataTypeName(type)}, but received ${data.constructor.name}.`,
    );
  return filled(input, (index) => Number(data[index]));
}

/** Numbers, one for each element of an input, in its type. */
function filled({ name, type, dims }: FeedInput, at: (index: number) => number): TensorData {
  const count = elementCount(dims);
  const data = viewBytes(
    new Uint8Array(count * viewBytes(new Uint8Array(0), type, name).BYTES_PER_ELEMENT),
    type,
    name,
  );
  if (data instanceof BigInt64Array || data instanceof BigUint64Array)
    for (let index = 0; index < count; index++) data[index] = BigInt(at(index));
  else for (let index = 0; index < count; index++) data[index] = at(index);
  return data;
}

/**
 * A batch that is drawn: normal numbers, integers of 0 and 1 (which are tokens, masks and types of any model), labels of all classes, for
 * cross-entropy.
 */
export function randomBatch(sizes: Pick<ModelBatch['sizes'], 'batch' | 'dims'>): ModelBatch {
  return {
    loss: namedLoss(TARGETS.labels),
    sizes,
    feeds: (wanted) => Object.fromEntries(wanted.map((input, stream) => [input.name, drawn(input, stream)])),
  };
}

function drawn(input: FeedInput, stream: number): TensorData {
  const count = elementCount(input.dims);
  if (isFloatingPoint(input.type)) {
    const numbers = normals(count, 0, stream);
    return filled(input, (index) => numbers[index]!);
  }
  const numbers = uniforms(count, 0, stream);
  const classes = input.labels ? (input.labels.classes ?? 1) : 2;
  return filled(input, (index) => Math.floor(classes * numbers[index]!));
}
