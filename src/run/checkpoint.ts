import { stat } from 'node:fs/promises';
import { FlatminError } from '../errors.js';
import { type NamedTensor, readSafetensors, writeSafetensors } from '../formats/safetensors.js';
import type { Optimizer } from '../optim/optimizer.js';
import type { TrainingSession } from '../session/session.js';

const FORMAT = 'flatmin-checkpoint';
const VERSION = '1';

/** How far a run has come; with the settings it determines all that follows. */
export interface RunState {
  /** Steps done. */
  step: number;
  /** The epoch that is under way, from 0. */
  epoch: number;
  /** Batches of it that are done; all of them where its evaluation is still to come. */
  batch: number;
  /** Sum of the losses of these batches, without those of skipped steps. */
  lossSum: number;
  /** Steps of this epoch that overflowed in half precision, and of the whole run. */
  skippedInEpoch: number;
  skipped: number;
  /** Seconds spent in training steps. */
  seconds: number;
  /** Best accuracy on the test set. */
  bestAccuracy: number;
  /** Evaluations since then. */
  sinceBest: number;
}

export const initialState = (): RunState => ({
  step: 0,
  epoch: 0,
  batch: 0,
  lossSum: 0,
  skippedInEpoch: 0,
  skipped: 0,
  seconds: 0,
  bestAccuracy: 0,
  sinceBest: 0,
});

/**
 * Writes parameters, running statistics and optimizer vectors to a safetensors file, tensors `model/NAME` and
 * `optimizer/VECTOR/NAME`; the run's state is in the metadata. Replaces the file in one step.
 * @throws FlatminError NOT_FINITE where a value is NaN or infinite; the old file then stays
 */
export async function writeCheckpoint(
  path: string,
  session: TrainingSession,
  optimizer: Optimizer,
  state: RunState,
  seed: number,
): Promise<void> {
  const { lossScale } = session.state();
  const metadata = {
    format: FORMAT,
    version: VERSION,
    seed: String(seed),
    ...stateToText(state),
    ...(lossScale && { lossScale: JSON.stringify(lossScale) }),
  };
  await writeSafetensors(
    path,
    slots(session, optimizer).map(({ name, dims, read }) => tensor(name, dims, read, state.step)),
    metadata,
  );
}

/** Restores what writeCheckpoint wrote. @throws FlatminError INVALID_DATA where it is not of this model and optimizer */
export async function readCheckpoint(
  path: string,
  session: TrainingSession,
  optimizer: Optimizer,
): Promise<RunState> {
  const { tensors, metadata } = await readSafetensors(path);
  if (metadata.format !== FORMAT || metadata.version !== VERSION) {
    throw new FlatminError(
      'INVALID_DATA',
      `${path} is not a checkpoint of this version of flatmin: expected ${FORMAT} ${VERSION}, but found ${metadata.format ?? 'another file'} ${metadata.version ?? ''}.`,
    );
  }
  for (const { name, dims, write } of slots(session, optimizer)) {
    const found = tensors.get(name);
    if (!(found?.data instanceof Float32Array) || found.shape.join() !== dims.join()) {
      throw new FlatminError(
        'INVALID_DATA',
        `${path}: expected tensor "${name}" of shape [${dims}], but found ${found ? `shape [${found.shape}]` : 'none'}: the checkpoint is of another model or optimizer.`,
      );
    }
    write(found.data);
  }
  const state = stateFromText(metadata);
  const { lossScale } = metadata;
  session.restore({ steps: state.step, lossScale: lossScale ? JSON.parse(lossScale) : undefined });
  return state;
}

export async function hasCheckpoint(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

interface Slot {
  readonly name: string;
  readonly dims: readonly number[];
  read(): Float32Array;
  write(values: Float32Array): void;
}

/** Every tensor of a checkpoint, and its place in memory. */
function slots(session: TrainingSession, optimizer: Optimizer): Slot[] {
  const { arena } = session.space;
  const weights = session.weightNames.map((name) => ({
    name: `model/${name}`,
    dims: session.weightDims(name),
    read: () => session.weight(name),
    write: (values: Float32Array) => session.setWeight(name, values),
  }));
  const vectors = Object.entries(optimizer.state(session.space)).flatMap(([vectorName, vector]) =>
    arena.segments.map(({ name, dims }) => ({
      name: `optimizer/${vectorName}/${name}`,
      dims,
      read: () => arena.read(vector, name),
      write: (values: Float32Array) => arena.write(vector, name, values),
    })),
  );
  return [...weights, ...vectors];
}

/** Read when it is written, so that no second copy of the model is held. */
function tensor(name: string, dims: readonly number[], read: () => Float32Array, step: number): NamedTensor {
  return {
    name,
    dtype: 'F32',
    shape: dims,
    get data() {
      const values = read();
      if (!values.every(Number.isFinite)) {
        throw new FlatminError(
          'NOT_FINITE',
          `"${name}" has a NaN or infinite value after step ${step}: lower the learning rate or check the data.`,
        );
      }
      return values;
    },
  };
}

/** JavaScript's shortest decimal form of a number reads back as the same number. */
function stateToText(state: RunState): Record<string, string> {
  return Object.fromEntries(Object.entries(state).map(([key, value]) => [key, String(value)]));
}

function stateFromText(metadata: Readonly<Record<string, string>>): RunState {
  const state = initialState();
  for (const key of Object.keys(state) as (keyof RunState)[])
    state[key] = Number(metadata[key] ?? state[key]);
  return state;
}
