import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { crossEntropy } from '../../src/losses/cross-entropy.js';
import type { Loss } from '../../src/losses/loss.js';
import { meanSquaredError } from '../../src/losses/regression.js';
import type { FeedArray } from '../../src/session/gradients.js';

/** The models, the batches and PyTorch's float64 numbers are those of test/fixtures/models/architectures/make.py. */
export const folder = fileURLToPath(new URL('../../../test/fixtures/models/architectures/', import.meta.url));

export interface Reference {
  inputs: Record<string, number[]>;
  classAxis: number;
  loss: number;
  gradients: Record<string, { norm: number; dots: number[]; samples: number[] }>;
}
export const references = JSON.parse(readFileSync(`${folder}references.json`, 'utf8')) as Record<
  string,
  Reference
>;

export const count = (dims: readonly number[]) => dims.reduce((product, dim) => product * dim, 1);

const real = (dims: readonly number[], shift = 0) =>
  Float32Array.from({ length: count(dims) }, (_, index) => {
    const i = index + shift;
    return Math.sin(0.37 * i + 0.05 * ((i * i) % 97));
  });

const integers = (high: number, dims: readonly number[]) =>
  BigInt64Array.from({ length: count(dims) }, (_, i) => BigInt((3 * i + ((i * i) % 7) + 1) % high));

/** Lengths of the sequences in the batch for BERT. */
const LENGTHS = [7, 5, 6, 3];

type Batch = Record<string, { dims: number[]; data: Float32Array | BigInt64Array }>;

function inputsOf(name: string): Batch {
  const vocabulary = ['bert', 'gpt2'].includes(name) ? 30 : 20;
  return Object.fromEntries(
    Object.entries(references[name]!.inputs).map(([input, dims]) => {
      const mask = () =>
        BigInt64Array.from({ length: count(dims) }, (_, i) =>
          i % 7 < LENGTHS[Math.floor(i / 7)]! ? 1n : 0n,
        );
      const data =
        input === 'ids'
          ? integers(vocabulary, dims)
          : input === 'mask'
            ? mask()
            : real(dims, input === 'right' ? 5000 : 0);
      return [input, { dims, data }];
    }),
  );
}

/** The shape of the labels, and how many classes they tell apart. */
function labelsOf(name: string): { dims: number[]; classes: number } {
  if (name.startsWith('unet')) return { dims: [6, 16, 16], classes: 4 };
  if (name === 'siamese') return { dims: [6], classes: 2 };
  if (name === 'gru') return { dims: [4, 7], classes: 5 };
  if (name === 'bert' || name === 'gpt2') return { dims: [4, 7], classes: 30 };
  return { dims: [references[name]!.inputs.ids ? 4 : 6], classes: 5 };
}

export function problemOf(name: string): { loss: Loss; feeds: Record<string, FeedArray>; inputs: Batch } {
  const inputs = inputsOf(name);
  if (name === 'autoencoder')
    return { loss: meanSquaredError(), feeds: { ...inputs, targets: inputs.images! }, inputs };
  const { dims, classes } = labelsOf(name);
  const labels = { dims, data: integers(classes, dims) };
  return {
    loss: crossEntropy({ classAxis: references[name]!.classAxis }),
    feeds: { ...inputs, labels },
    inputs,
  };
}
