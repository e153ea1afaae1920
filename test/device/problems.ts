import { normals } from '../../src/addon/random.js';
import type { Precision } from '../../src/compile/precision.js';
import { crossEntropy } from '../../src/losses/cross-entropy.js';
import type { ModelProto } from '../../src/onnx/proto.js';
import type { Problem } from '../../src/optim/optimizer.js';
import type { Runtime } from '../../src/ort/library.js';
import type { Feeds } from '../../src/session/feed/feeds.js';
import { TrainingSession } from '../../src/session/session.js';
import type { Device } from '../../src/vectors/device/device.js';

/** Random images and labels of ten classes. */
export const randomBatch = (size: number, shape: readonly number[], stream = 0): Feeds => ({
  images: normals(size * shape.reduce((product, dim) => product * dim, 1), 7, stream),
  labels: BigInt64Array.from({ length: size }, (_, i) => BigInt((3 * i + stream) % 10)),
});

/** A session on the GPU, or on the CPU's default form where no device is given. */
export const sessionOn = (
  model: ModelProto,
  batch: number,
  where: { device: Device; runtime: Runtime } | undefined,
  precision: Precision = 'fp32',
): Promise<TrainingSession> =>
  TrainingSession.create(model, { loss: crossEntropy(), batch, precision, seed: 3, ...where });

/** Loss and gradient of a batch, the gradient as one array in the layout of the parameters. */
export async function gradientOf(
  session: TrainingSession,
  batch: Feeds,
): Promise<{ loss: number; gradient: Float32Array }> {
  await session.feed(batch);
  const problem: Problem = session.problem();
  const loss = await (await problem.gradient('keep')).read();
  return { loss, gradient: read(session, session.space.gradient) };
}

/** A whole vector, padding included. */
export function read(
  { space }: TrainingSession,
  vector: TrainingSession['space']['parameters'],
): Float32Array {
  const values = new Float32Array(space.arena.length);
  vector.read(values);
  return values;
}
