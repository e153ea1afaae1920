import { normals } from '../addon/random.js';
import { targetFor } from '../capabilities/target-for.js';
import { DataLoader, type Dataset, fromArrays, imageSource } from '../data/index.js';
import { crossEntropy } from '../losses/cross-entropy.js';
import type { Loss } from '../losses/loss.js';
import type { Target } from '../lowering/targets.js';
import { openModel } from '../models/open.js';
import type { ModelProto } from '../onnx/proto.js';
import type { Optimizer } from '../optim/optimizer.js';
import { checked } from '../options/option.js';
import type { Runtime } from '../ort/library.js';
import { bindData, type DataBinding } from '../run/data-binding.js';
import { openExecution } from '../run/execution.js';
import { TrainingSession } from '../session/session.js';
import { makeOptimizer } from '../settings/make-optimizer.js';
import { assertUsed, resolveSettings } from '../settings/resolve.js';
import type { TrainSettings } from '../settings/schema.js';
import type { Device } from '../vectors/device/device.js';
import { type BenchOptions, benchOptions } from './options.js';

/** What is measured: a model and an optimizer on random images, on a device. Nothing of it must be closed. */
export interface Workload {
  readonly settings: TrainSettings;
  readonly steps: number;
  readonly warmup: number;
  readonly workers: number;
  readonly dataset: Dataset;
  readonly model: ModelProto;
  readonly loss: Loss;
  readonly binding: DataBinding;
  readonly optimizer: Optimizer;
  readonly device: Device;
  readonly runtime: Runtime;
  /** What the training graph is lowered to. */
  readonly target: Target;
}

/**
 * From settings to a workload, all checked.
 * @throws FlatminError what train throws
 */
export async function openWorkload(given: Partial<TrainSettings>, options: BenchOptions): Promise<Workload> {
  const { steps, warmup, inputShape, classes, workers } = checked(benchOptions, options);
  const settings = resolveSettings({ ...given, data: 'random' });
  assertUsed(given, [settings.optimizer]);
  const { batch, seed, shortcut, labelSmoothing } = settings;
  const dataset = randomImages(inputShape, classes, 2 * batch);
  const loss = crossEntropy({ labelSmoothing });
  const model = await openModel(settings.model, { classes, inputShape, shortcut, seed });
  const { device, runtime } = openExecution(options, settings.precision);
  return {
    ...{ settings, steps, warmup, workers, dataset, model, loss, device, runtime },
    binding: await bindData(runtime, model, loss, imageSource(dataset), { batch, otherwise: 'nchw' }),
    optimizer: makeOptimizer(settings, settings.lr),
    target: await targetFor(runtime, device.name),
  };
}

/** The session of a workload; to be disposed of. */
export function openSession(
  { model, loss, settings, runtime, target, device, binding }: Workload,
  { profilePrefix, on = device }: { profilePrefix?: string | undefined; on?: Device } = {},
): Promise<TrainingSession> {
  const { batch, seed, precision, recompute } = settings;
  return TrainingSession.create(model, {
    ...{ loss, batch, seed, runtime, target, precision, recompute, dims: binding.dims },
    device: on,
    ...(profilePrefix !== undefined && { profilePrefix }),
  });
}

/** The loader of a workload's batches; to be closed. */
export const openLoader = ({ dataset, settings: { batch, seed }, workers }: Workload): DataLoader =>
  new DataLoader({ dataset, split: 'train' }, { batch, seed, workers });

function randomImages(shape: readonly [number, number, number], classes: number, size: number): Dataset {
  const pixels = shape.reduce((product, dim) => product * dim, 1);
  const labels = Int32Array.from({ length: size }, (_, i) => i % classes);
  return fromArrays({
    name: 'random',
    shape,
    classes,
    train: { images: normals(size * pixels, 0, 0), labels },
  });
}
