import { prepareSessionModel } from '../autodiff/prepare/session-model.js';
import { FlatminError } from '../errors.js';
import type { Loss } from '../losses/loss.js';
import { modelPath } from '../models/hub-model.js';
import { readModel } from '../onnx/model.js';
import { ownEntry } from '../onnx/own-entry.js';
import type { ModelProto } from '../onnx/proto.js';
import { isHalfPrecision } from '../onnx/tensors/floats.js';
import {
  dataTypeName,
  elementCount,
  isFloatingPoint,
  type TensorData,
  viewBytes,
} from '../onnx/tensors/tensor.js';
import { misfit } from './feed/check-feed.js';
import { areFinite } from './finite/checked-finite.js';
import { TrainingSession } from './session.js';
import type { TrainingSessionOptions } from './session-options.js';

/** An array with its shape, or one whose shape the model and `batch` or `dims` tell. */
export type FeedArray = TensorData | { readonly dims: readonly number[]; readonly data: TensorData };

/** What `gradients` differentiates, and where. */
export interface GradientOptions
  extends Pick<
    TrainingSessionOptions,
    | 'batch'
    | 'dims'
    | 'output'
    | 'outputAsIs'
    | 'constants'
    | 'train'
    | 'alsoTrain'
    | 'freeze'
    | 'precision'
    | 'device'
    | 'threads'
    | 'runtime'
    | 'seed'
    | 'recompute'
  > {
  /** What is differentiated. */
  loss: Loss;
  /** Arrays for the inputs that the loss adds, in their order; default: those of `feeds` with their names. */
  targets?: readonly FeedArray[];
  /**
   * What BatchNormalization normalises by. Default: the batch for models exported in training form, the running statistics for those in
   * evaluation form.
   */
  batchNorm?: 'batch' | 'running';
  /** Whether Dropout nodes drop (by `seed`). Default false. */
  dropout?: boolean;
  /** @internal */
  target?: TrainingSessionOptions['target'];
}

/** What `gradients` finds. */
export interface Gradients {
  /** Of the batch. */
  readonly loss: number;
  /** By the parameter's name. */
  readonly gradients: Map<string, Float32Array>;
  /** Shapes by the parameter's name. */
  readonly dims: Map<string, readonly number[]>;
  /** From each parameter that is split from a merged tensor to that tensor of the file. */
  readonly splits: ReadonlyMap<string, string>;
  /** What has been decided about the model that the user should know, such as the logits that the loss takes behind a softmax. */
  readonly notes: readonly string[];
}

const shapeOf = (feed: FeedArray): readonly number[] | undefined => ('dims' in feed ? feed.dims : undefined);
const dataOf = (feed: FeedArray): TensorData => ('dims' in feed ? feed.data : feed);

/**
 * The loss of a model for one batch, and its gradient by every parameter. Nothing moves.
 * @param given a forward model, or the path of an .onnx file, or a name of the hub ('hf:OWNER/NAME')
 * @param feeds arrays by the names of the model's inputs and of the loss's targets (`labels`, `targets`); numbers are converted to the
 * type that the model asks for where none is lost but precision
 * @throws FlatminError INVALID_ARGUMENT for an array that is missing or does not fit; INVALID_MODEL; NO_GRADIENT naming the node; NOT_FINITE where the loss
 * or a gradient is NaN or infinite, naming the first parameter
 */
export async function gradients(
  given: ModelProto | string,
  feeds: Readonly<Record<string, FeedArray>>,
  options: GradientOptions,
): Promise<Gradients> {
  const model = typeof given === 'string' ? await readModel(await modelPath(given)) : given;
  const { constants = {} } = options;
  const { wasTraining, model: prepared } = prepareSessionModel(model, options);
  const inputs = new Set(
    prepared.graph.input.map(({ name }) => name).filter((name) => !Object.hasOwn(constants, name)),
  );
  const shapes: Record<string, readonly number[]> = Object.create(null);
  for (const [name, feed] of Object.entries(feeds)) {
    const shape = shapeOf(feed);
    if (shape && inputs.has(name)) shapes[name] = shape;
  }
  const missing = [...inputs].filter((name) => !Object.hasOwn(feeds, name));
  if (missing.length > 0) {
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `No array is named "${missing[0]}": the model's inputs are ${[...inputs].join(', ')}, and the arrays are ${Object.keys(feeds).join(', ')}.`,
    );
  }
  const session = await TrainingSession.create(model, {
    ...options,
    dropout: options.dropout ?? false,
    batchNorm: options.batchNorm ?? (wasTraining ? 'batch' : 'running'),
    shapes,
  });
  try {
    const added = [...(options.targets ?? [])];
    const batch = session.feedInputs.map((input): [string, TensorData] | undefined => {
      const { name, type, dims } = input;
      const feed = inputs.has(name) ? ownEntry(feeds, name) : (added.shift() ?? ownEntry(feeds, name));
      if (!feed) return undefined;
      const shape = shapeOf(feed);
      const isOther = shape && elementCount(shape) !== elementCount(dims);
      if (isOther && input.fixedBatch) throw misfit(input, `received [${shape}]`);
      if (shape && (shape.length !== dims.length || shape.some((dim, axis) => dim !== dims[axis]))) {
        throw new FlatminError(
          'INVALID_ARGUMENT',
          `Expected "${name}" to have shape [${dims}], but received [${shape}].`,
        );
      }
      refuseBits(name, dataOf(feed), model);
      return [name, convert(name, dataOf(feed), type)];
    });
    await session.feed(Object.fromEntries(batch.filter((entry) => entry !== undefined)));
    const loss = await (await session.problem().gradient('keep')).read();
    const { arena, gradient } = session.space;
    if (!Number.isFinite(loss)) throw new FlatminError('NOT_FINITE', `The loss of the batch is ${loss}.`);
    const found = arena.segments.map(({ name, dims }) => [name, dims, arena.read(gradient, name)] as const);
    for (const [name, , values] of found) {
      const wrong = areFinite(values) ? -1 : values.findIndex((value) => !Number.isFinite(value));
      if (wrong >= 0)
        throw new FlatminError(
          'NOT_FINITE',
          `The loss is ${loss}, but the gradient of "${name}" is not finite: its number ${wrong + 1} is ${values[wrong]}.`,
        );
    }
    return {
      loss,
      gradients: new Map(found.map(([name, , values]) => [name, values])),
      dims: new Map(found.map(([name, dims]) => [name, dims])),
      splits: new Map([...session.splits].filter(([copy]) => found.some(([name]) => name === copy))),
      notes: session.notes,
    };
  } finally {
    session.dispose();
  }
}

/** @throws FlatminError INVALID_ARGUMENT for what may be the bits of half-precision numbers, or integers: nobody can tell */
function refuseBits(name: string, data: TensorData, { graph }: ModelProto): void {
  const type = graph.input.find((info) => info.name === name)?.type?.tensorType?.elemType ?? 0;
  if (!isHalfPrecision(type) || !(data instanceof Uint16Array)) return;
  throw new FlatminError(
    'INVALID_ARGUMENT',
    `Expected "${name}" to hold numbers in a Float32Array, but received a Uint16Array, which could be the bits of ${dataTypeName(type)} as well as integers.`,
  );
}

/** @throws FlatminError INVALID_ARGUMENT for fractions where the model takes integers */
function convert(name: string, data: TensorData, type: number): TensorData {
  const wanted = viewBytes(new Uint8Array(0), type, name).constructor as unknown as {
    from(values: ArrayLike<unknown>, map: (value: never) => unknown): TensorData;
    name: string;
  };
  if (data.constructor === (wanted as unknown)) return data;
  const isFloat = data instanceof Float32Array || data instanceof Float64Array;
  if (isFloat && !isFloatingPoint(type)) {
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `Expected "${name}" to hold ${dataTypeName(type)}, but received ${data.constructor.name}.`,
    );
  }
  return wanted.name.startsWith('Big')
    ? wanted.from(data, (value) => BigInt(value))
    : wanted.from(data, (value) => Number(value));
}
