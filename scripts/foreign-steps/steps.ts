import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import { crossEntropy } from '../../src/losses/cross-entropy.js';
import type { Loss } from '../../src/losses/loss.js';
import { decodeModel, type ModelProto } from '../../src/onnx/proto.js';
import type { TensorData } from '../../src/onnx/tensors/tensor.js';
import type { Optimizer } from '../../src/optim/optimizer.js';
import { SAM } from '../../src/optim/sam.js';
import { SGD } from '../../src/optim/sgd.js';
import type { Feeds } from '../../src/session/feed/feeds.js';
import { TrainingSession } from '../../src/session/session.js';

/** What came of some steps. */
export interface Course {
  readonly losses: readonly number[];
  /** L2 distance of all parameters from where they began. */
  readonly moved: number;
}

/** What PyTorch's training of a network came to: record.py, record_ties.py. */
export interface Reference {
  readonly parameters: number;
  readonly elements: number;
  readonly statistics: number;
  readonly sgd: ExactCourse;
  readonly sam: ExactCourse;
}

interface ExactCourse extends Course {
  /** How far PyTorch's float32 comes from these losses of float64. */
  readonly rounding: readonly number[];
}

/** Where an export is, and which of the networks it is. */
export interface Export {
  readonly network: string;
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
}

/** Exports of a network, and of the networks that exporters make of it. */
export interface Recorded {
  readonly side: number;
  /** Learning rate of both optimizers. */
  readonly lr: number;
  readonly forms: Readonly<Record<string, Export>>;
  readonly networks: Readonly<Record<string, Reference>>;
}

export const BATCH = 16;

export const optimizers: Readonly<Record<'sgd' | 'sam', (lr: number) => Optimizer>> = {
  sgd: (lr) => new SGD({ lr, momentum: 0.9 }),
  sam: (lr) => new SAM(new SGD({ lr, momentum: 0.9 }), { rho: 0.05 }),
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
  const labels = below(uniform(BATCH, 1000 + step), 10);
  const images = uniform(BATCH * count, step);
  labels.forEach((label, sample) => {
    uniform(count, 2000 + Number(label)).forEach((value, index) => {
      images[sample * count + index]! += value;
    });
  });
  return [images, labels];
}

export const readRecord = (folder: URL, name: string): Recorded =>
  JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));

export function readExport(folder: URL, { file, offset, bytes }: Export): ModelProto {
  const data = readFileSync(new URL(file, folder));
  const whole = file.endsWith('.br') ? brotliDecompressSync(data) : data;
  return decodeModel(whole.subarray(offset, offset + bytes), file);
}

/** Trains a model: on each batch's arrays, which are given in the order of the session's inputs. The caller disposes of the session. */
export async function trainSteps(
  model: ModelProto,
  optimizer: Optimizer,
  batches: readonly (readonly TensorData[])[],
  loss: Loss = crossEntropy(),
): Promise<Course & { readonly session: TrainingSession }> {
  const session = await TrainingSession.create(model, { loss, batch: BATCH });
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

const below = (values: Float32Array, count: number): BigInt64Array =>
  BigInt64Array.from(values, (value) =>
    BigInt(Math.min(count - 1, Math.floor(Math.fround(Math.fround(value + 1) * (count / 2))))),
  );

/** record_ties.py's `tokens`: sequences of six, and what follows each token. */
export function tokenBatch(step: number): [ids: BigInt64Array, next: BigInt64Array] {
  const all = below(uniform(BATCH * 7, step), 20);
  const rows = (first: number) =>
    BigInt64Array.from(
      { length: BATCH * 6 },
      (_, index) => all[Math.floor(index / 6) * 7 + (index % 6) + first]!,
    );
  return [rows(0), rows(1)];
}

/** record_ties.py's `pairs`. */
export function pairBatch(step: number): [a: Float32Array, b: Float32Array, labels: BigInt64Array] {
  const all = uniform(2 * BATCH * 64, step);
  return [all.slice(0, BATCH * 64), all.slice(BATCH * 64), below(uniform(BATCH, 1000 + step), 3)];
}

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
