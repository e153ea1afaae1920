import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import { crossEntropy } from '../../src/losses/cross-entropy.js';
import { decodeModel, type ModelProto } from '../../src/onnx/proto.js';
import type { TensorData } from '../../src/onnx/tensor.js';
import type { Optimizer } from '../../src/optim/optimizer.js';
import { SAM } from '../../src/optim/sam.js';
import { SGD } from '../../src/optim/sgd.js';
import type { Feeds } from '../../src/train/feeds.js';
import { TrainingSession } from '../../src/train/session.js';

/** What PyTorch's training of a network came to: exports.py, record.py. */
export interface Reference {
  readonly parameters: number;
  readonly elements: number;
  readonly statistics: number;
  readonly sgd: Course;
  readonly sam: Course;
}

/** What came of some steps. */
export interface Course {
  readonly losses: readonly number[];
  /** L2 distance of all parameters from where they began. */
  readonly moved: number;
}

/** 'kept': as constructed; 'folded': BatchNorm folded into convolutions; 'bare': and without the biases that are zero. */
export type NetworkForm = 'kept' | 'folded' | 'bare';

/** A network's exports and references, as record.py writes them. */
export interface Recorded extends Readonly<Record<NetworkForm, Reference>> {
  readonly side: number;
  readonly forms: Readonly<Record<string, { readonly file: string; readonly network: NetworkForm }>>;
}

export const BATCH = 16;

export const optimizers: Readonly<Record<'sgd' | 'sam', () => Optimizer>> = {
  sgd: () => new SGD({ lr: 0.05, momentum: 0.9 }),
  sam: () => new SAM(new SGD({ lr: 0.05, momentum: 0.9 }), { rho: 0.05 }),
};

/** exports.py's `uniform`: a hash of the index, in [-1, 1). */
export function uniform(count: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => {
    let x = index + (seed + 1) * 7919;
    for (const shift of [15, 13, 16]) x = Math.imul(x ^ (x >>> shift), 0x9e3b) >>> 0;
    return x / 2 ** 31 - 1;
  });
}

/** The images and labels of a step: record.py's `images`. */
export function imageBatch(side: number, step: number): [images: Float32Array, labels: BigInt64Array] {
  const count = 3 * side * side;
  const labels = Array.from(uniform(BATCH, 1000 + step), (value) =>
    Math.floor(Math.fround(Math.fround(value + 1) * 5)),
  );
  const images = uniform(BATCH * count, step);
  labels.forEach((label, sample) => {
    uniform(count, 2000 + label).forEach((value, index) => {
      images[sample * count + index]! += value;
    });
  });
  return [images, BigInt64Array.from(labels, BigInt)];
}

export function readExport(folder: URL, file: string): ModelProto {
  const bytes = readFileSync(new URL(file, folder));
  return decodeModel(file.endsWith('.br') ? brotliDecompressSync(bytes) : bytes, file);
}

/** Trains a model: on each batch's arrays, which are given in the order of the session's inputs. The caller disposes of the session. */
export async function trainSteps(
  model: ModelProto,
  optimizer: Optimizer,
  batches: readonly (readonly TensorData[])[],
): Promise<Course & { readonly session: TrainingSession }> {
  const session = await TrainingSession.create(model, { loss: crossEntropy(), batch: BATCH });
  const parameters = session.classified.filter(({ kind }) => kind === 'parameter').map(({ name }) => name);
  const first = new Map(parameters.map((name) => [name, session.weight(name)]));
  const losses: number[] = [];
  for (const batch of batches) losses.push((await session.step(named(session, batch), optimizer)).loss);
  let squares = 0;
  for (const [name, before] of first)
    session.weight(name).forEach((value, index) => {
      squares += (value - before[index]!) ** 2;
    });
  return { session, losses, moved: Math.sqrt(squares) };
}

export const named = (session: TrainingSession, arrays: readonly TensorData[]): Feeds =>
  Object.fromEntries(session.feedInputs.map(({ name }, index) => [name, arrays[index]!]));

/** The largest difference of two courses: of losses, relative where they are over 1, and of the distance, relative. */
export function apart(found: Course, expected: Course): { losses: number; moved: number } {
  const differences = found.losses.map((loss, step) => {
    const other = expected.losses[step] ?? Number.NaN;
    return Math.abs(loss - other) / Math.max(1, Math.abs(other));
  });
  return {
    losses: found.losses.length === expected.losses.length ? Math.max(...differences) : Number.NaN,
    moved: Math.abs(found.moved / expected.moved - 1),
  };
}
