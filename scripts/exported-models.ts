import { type ExportForm, exportTrainingGraph } from '../src/compile/export.js';
import { crossEntropy } from '../src/losses/cross-entropy.js';
import { type WideResNetOptions, wideResNet } from '../src/models/wide-resnet.js';
import type { ModelProto } from '../src/onnx/proto.js';

/** One file of onnx-models/. */
export interface ExportedModel {
  readonly file: string;
  readonly form: ExportForm;
  readonly batch: number;
  /** The forward model that the training graph is of. */
  readonly forward: WideResNetOptions;
}

const models: readonly Pick<ExportedModel, 'batch' | 'forward'>[] = [
  { batch: 128, forward: { depth: 28, width: 10, classes: 10, inputShape: [3, 32, 32] } },
  { batch: 8, forward: { depth: 10, width: 1, classes: 10, inputShape: [1, 8, 8] } },
];

/** The files of onnx-models/. */
export const exportedModels: readonly ExportedModel[] = models.flatMap(({ batch, forward }) =>
  (['training', 'standard'] as const).map((form) => ({
    file: `wrn-${forward.depth}-${forward.width}-batch${batch}.${form}.onnx`,
    form,
    batch,
    forward,
  })),
);

export const exportModel = ({ forward, form, batch }: ExportedModel): Promise<ModelProto> =>
  exportTrainingGraph({ model: wideResNet(forward), form, batch, loss: crossEntropy() });
