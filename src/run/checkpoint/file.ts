import { FlatminError } from '../../errors.js';
import { readSafetensors, type StoredTensor, writeSafetensors } from '../../formats/safetensors.js';
import type { LossScaleState } from '../../optim/loss-scale.js';
import type { Optimizer } from '../../optim/optimizer.js';
import { asFloats, checkedFinite } from '../../session/finite/checked-finite.js';
import type { TrainingSession } from '../../session/session.js';
import type { MetricsMark } from '../folder/metrics.js';
import { type RunState, stateFromText, stateToText } from './state.js';

const FORMAT = 'flatmin-checkpoint';
const VERSION = '2';

/** What a checkpoint is of, beside the model and the optimizer. */
export interface CheckpointContext {
  /** Of the run that it belongs to. */
  readonly run: string;
  readonly seed: number;
}

/** What a checkpoint holds beside tensors. */
export interface CheckpointRecord {
  readonly state: RunState;
  /** The place in the run's metrics that it was made at. */
  readonly mark: MetricsMark;
}

/**
 * Writes parameters, running statistics and optimizer vectors to a safetensors file with digests, tensors `model/NAME` and
 * `optimizer/VECTOR/NAME`; the run's state is in the metadata. Replaces the file in one step.
 * @throws FlatminError NOT_FINITE where a value is NaN or infinite; the old file then stays
 */
export async function writeCheckpoint(
  path: string,
  session: TrainingSession,
  optimizer: Optimizer,
  { state, mark, run, seed }: CheckpointRecord & CheckpointContext,
  beforeReplace?: () => Promise<void>,
): Promise<void> {
  const { lossScale } = session.state();
  const metadata = {
    format: FORMAT,
    version: VERSION,
    run,
    seed: String(seed),
    metricsBytes: String(mark.bytes),
    metricsDigest: mark.digest,
    ...stateToText(state),
    ...(lossScale && { lossScale: JSON.stringify(lossScale) }),
  };
  await writeSafetensors(path, checkpointTensors(session, optimizer), metadata, {
    digests: true,
    ...(beforeReplace && { beforeReplace }),
  });
}

/**
 * Restores what writeCheckpoint wrote; where it throws, nothing has been changed.
 * @throws FlatminError INVALID_DATA where it is damaged, or not of this run, model and optimizer
 */
export async function readCheckpoint(
  path: string,
  session: TrainingSession,
  optimizer: Optimizer,
  context: CheckpointContext,
): Promise<CheckpointRecord> {
  const { tensors, record, lossScale } = await openCheckpoint(path, context);
  const found = checkpointTensors(session, optimizer).map(({ name, shape: expected, write }) => {
    const { data, shape } = tensors.get(name) ?? {};
    if (!(data instanceof Float32Array) || shape!.join() !== expected.join())
      throw new FlatminError(
        'INVALID_DATA',
        `${path}: expected tensor "${name}" of shape [${expected}], but found ${shape ? `shape [${shape}]` : 'none'}: the checkpoint is of another model or optimizer.`,
      );
    return () => write(data);
  });
  for (const restore of found) restore();
  const { step: steps, skipped } = record.state;
  session.restore({ steps, skipped, lossScale });
  return record;
}

/**
 * Reads a checkpoint and checks all that can be checked without its model.
 * @throws FlatminError INVALID_DATA where it is damaged, or of another run
 */
export async function openCheckpoint(path: string, { run, seed }: CheckpointContext) {
  const { tensors, metadata } = await readSafetensors(path);
  const expect = (name: string, expected: string) => {
    const found = metadata[name];
    if (found !== expected)
      throw new FlatminError(
        'INVALID_DATA',
        `${path} is not a checkpoint of this run: expected its ${name} to be ${expected}, but found ${found ?? 'none'}.`,
      );
  };
  expect('format', FORMAT);
  expect('version', VERSION);
  expect('run', run);
  expect('seed', String(seed));
  const { metricsBytes, metricsDigest, lossScale } = metadata;
  const mark = { bytes: Number(metricsBytes), digest: metricsDigest! };
  return {
    tensors,
    record: { state: stateFromText(metadata), mark },
    lossScale: lossScale === undefined ? undefined : (JSON.parse(lossScale) as LossScaleState),
  };
}

/** A tensor of a checkpoint, and its place in memory. */
interface Slot extends StoredTensor {
  write(values: Float32Array): void;
}

/** All that a checkpoint holds, in the order of the file. */
export function checkpointTensors(session: TrainingSession, optimizer: Optimizer): Slot[] {
  const { arena } = session.space;
  const weights = session.weightNames.map(
    (name): Slot => ({
      name: `model/${name}`,
      dtype: 'F32',
      shape: session.weightDims(name),
      read: (target, byteOffset) => session.readFiniteBytes(name, target, byteOffset),
      write: (values) => session.setWeight(name, values),
    }),
  );
  const vectors = Object.entries(optimizer.state(session.space)).flatMap(([vectorName, vector]) =>
    arena.segments.map(
      ({ name, dims }): Slot => ({
        name: `optimizer/${vectorName}/${name}`,
        dtype: 'F32',
        shape: dims,
        read: (target, byteOffset) => {
          arena.readBytes(vector, name, target, byteOffset);
          checkedFinite(`${vectorName} of ${name}`, asFloats(target));
        },
        write: (values) => arena.write(vector, name, values),
      }),
    ),
  );
  return [...weights, ...vectors];
}
