import { FlatminError } from '../../errors.js';
import type { LengthsTarget } from '../../losses/loss.js';
import type { TensorData } from '../../onnx/tensors/tensor.js';
import type { Feeds } from './feeds.js';

/**
 * Lengths of a batch, and the labels that they are the lengths of.
 * @throws FlatminError INVALID_ARGUMENT naming the first length or label out of range, or the sample whose labels do not fit its time steps
 */
export function checkLengths(
  name: string,
  data: TensorData,
  { most, labels }: LengthsTarget,
  batch: Feeds,
): void {
  for (let sample = 0; sample < data.length; sample++) {
    const length = Number(data[sample]);
    if (!(length >= 0 && length <= most))
      throw refuse(
        `Expected "${name}" to hold lengths from 0 to ${most}, but element ${sample} is ${length}.`,
      );
    const rows = labels && batch[labels.name];
    if (rows) checkRow(rows, sample, length, { ...labels, width: rows.length / data.length }, batch);
  }
}

function checkRow(
  rows: TensorData,
  sample: number,
  length: number,
  { name, classes, blank, steps, mayExceed, width }: NonNullable<LengthsTarget['labels']> & { width: number },
  batch: Feeds,
): void {
  let repeats = 0;
  for (let at = sample * width; at < sample * width + length; at++) {
    const label = Number(rows[at]);
    if (!(label >= 0 && label < classes) || label === blank) {
      throw refuse(
        `Expected "${name}" to hold labels from 0 to ${classes - 1}, and none that is the blank, ${blank}; but label ${at - sample * width} of sample ${sample} is ${label}.`,
      );
    }
    if (at > sample * width && rows[at] === rows[at - 1]) repeats++;
  }
  const available = Number(typeof steps === 'number' ? steps : (batch[steps]?.[sample] ?? 0));
  if (mayExceed || length + repeats <= available) return;
  throw refuse(
    `The ${length} labels of sample ${sample} of "${name}" take ${length + repeats} time steps${repeats > 0 ? `, with a blank in each of ${repeats} pairs of equal ones` : ''}, but it has ${available}: leave the sample out, or let it count 0 (zeroInfinity).`,
  );
}

const refuse = (message: string): FlatminError => new FlatminError('INVALID_ARGUMENT', message);
