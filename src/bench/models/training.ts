import { targetFor } from '../../capabilities/target-for.js';
import { asPrepared } from '../../compile/loss-model.js';
import type { Target } from '../../lowering/targets.js';
import { readModel } from '../../onnx/model.js';
import type { ModelProto } from '../../onnx/proto.js';
import type { Optimizer } from '../../optim/optimizer.js';
import type { Runtime } from '../../ort/library.js';
import { openExecution } from '../../run/execution.js';
import { makeOptimizer } from '../../settings/make-optimizer.js';
import { defaultSettings } from '../../settings/resolve.js';
import type { TrainSettings } from '../../settings/schema.js';
import type { Device } from '../../vectors/device/device.js';
import { type ModelBatch, randomBatch, readBatch } from './batch.js';
import type { ModelFile } from './files.js';
import type { PeerOptimizer, PeerPrecision } from './options.js';

/** What a child process trains. Plain data. */
export interface ModelTask {
  readonly file: ModelFile;
  /** Of a batch that is drawn. */
  readonly sizes: Pick<ModelBatch['sizes'], 'batch' | 'dims'>;
  readonly precision: PeerPrecision;
  readonly runtime: Runtime;
  readonly threads: number | undefined;
}

/** A model with its batch, on a device. */
export interface OpenedModel {
  readonly model: ModelProto;
  readonly batch: ModelBatch;
  readonly device: Device;
  readonly runtime: Runtime;
  readonly target: Target;
}

/** @throws FlatminError what reading a model or a batch throws */
export async function openModelFile({ file, sizes }: Pick<ModelTask, 'file' | 'sizes'>) {
  const model = await readModel(file.path);
  const { graph } = asPrepared(model).model;
  const batch = file.batch === null ? randomBatch(sizes) : await readBatch(file.batch, graph);
  return { model, batch };
}

export async function openTask(task: ModelTask): Promise<OpenedModel> {
  const { precision, threads } = task;
  const { device, runtime } = openExecution({ runtime: task.runtime, threads, device: 'cpu' }, precision);
  return {
    ...(await openModelFile(task)),
    ...{ device, runtime, target: await targetFor(runtime, device.name) },
  };
}

/** Settings of a step, the same on both sides; small, so that no model diverges within the steps that are timed. */
export const stepSettings = (optimizer: PeerOptimizer): Partial<TrainSettings> => ({
  ...defaultSettings({ optimizer }),
  ...{ optimizer, lr: 1e-3, momentum: 0.9, weightDecay: 0 },
});

export const stepOptimizer = (optimizer: PeerOptimizer): Optimizer => {
  const settings = stepSettings(optimizer);
  return makeOptimizer(settings, settings.lr!);
};
