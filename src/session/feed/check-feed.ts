import { FlatminError } from '../../errors.js';
import type { LossInput } from '../../losses/loss.js';
import { ownEntry } from '../../onnx/own-entry.js';
import { dataTypeName, elementCount, type TensorData, viewBytes } from '../../onnx/tensors/tensor.js';
import { checkLengths } from './check-lengths.js';
import type { Feeds } from './feeds.js';

/** An input of a graph that a batch fills. */
export interface FeedInput {
  /** Of the array in a batch. */
  readonly name: string;
  /** ONNX element type. */
  readonly type: number;
  /** Sizes of its axes. */
  readonly dims: readonly number[];
  /** Of class labels. */
  readonly labels?: LossInput['labels'] | undefined;
  /** Of lengths. */
  readonly lengths?: LossInput['lengths'] | undefined;
  /** Of labels and targets: what in the model gives them another batch than the inputs have. */
  readonly fixedBatch?: string | undefined;
}

/**
 * The array of a batch for one input.
 * @throws FlatminError INVALID_ARGUMENT naming an array that is missing, or has another type or size than the input, or a label out of range
 */
export function checkedFeed(input: FeedInput, batch: Feeds, inputs: readonly FeedInput[]): TensorData {
  const { name, type, dims, labels, lengths } = input;
  const data = ownEntry(batch, name);
  if (!data) {
    const others = Object.keys(batch).filter((key) => !inputs.some((each) => each.name === key));
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `The batch lacks "${name}"; the model needs ${inputs.map((each) => each.name).join(', ')}${others.length > 0 ? `, and ${others.join(', ')} is none of these` : ''}.`,
    );
  }
  const wanted = viewBytes(new Uint8Array(0), type, name).constructor;
  const expected = elementCount(dims);
  if (data.length !== expected && input.fixedBatch) throw misfit(input, `received ${data.length}`);
  if (data.length !== expected || data.constructor !== wanted) {
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `Expected "${name}" to hold ${expected} elements of ${dataTypeName(type)} in a ${wanted.name} (shape [${dims}]), but received ${data.constructor.name} of ${data.length}.`,
    );
  }
  if (labels) checkLabels(name, data, labels);
  if (lengths) checkLengths(name, data, lengths, batch);
  return data;
}

/** That labels do not fit is the fault of the model. */
export const misfit = ({ name, dims, fixedBatch }: FeedInput, received: string): FlatminError =>
  new FlatminError(
    'INVALID_MODEL',
    `${fixedBatch}. ("${name}" would have shape [${dims}], and hold ${elementCount(dims)} elements, but ${received}.)`,
  );

/** @throws FlatminError INVALID_ARGUMENT naming the first label that is no class */
export function checkLabels(
  name: string,
  data: TensorData,
  { classes, ignoreIndex }: NonNullable<LossInput['labels']>,
): void {
  if (classes === undefined) return;
  for (let index = 0; index < data.length; index++) {
    const label = Number(data[index]);
    if (label === ignoreIndex || (label >= 0 && label < classes)) continue;
    const ignored = ignoreIndex === undefined ? '' : ` or ${ignoreIndex} (ignored)`;
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `Expected "${name}" to hold labels from 0 to ${classes - 1}${ignored}, but element ${index} is ${label}.`,
    );
  }
}
