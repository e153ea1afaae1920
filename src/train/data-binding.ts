import type { Batch, Dataset } from '../data/index.js';
import { FlatminError } from '../errors.js';
import type { Loss } from '../losses/loss.js';
import type { ModelProto, ValueInfo } from '../onnx/proto.js';
import { int64 } from '../onnx/proto.js';

import type { Feeds } from './feeds.js';
import { withLoss } from './loss-model.js';

/** How batches of a data set reach a model. */
export interface DataBinding {
  /** Names of the model's trainable parameters. */
  readonly parameters: readonly string[];
  feeds(batch: Batch): Feeds;
}

/**
 * Binds a data set's images and labels to a model and its loss, whatever their names are.
 * @throws FlatminError INVALID_MODEL where the model has not one input, or other image sizes or class counts than the data
 */
export function bindData(
  model: ModelProto,
  loss: Loss,
  dataset: Pick<Dataset, 'name' | 'shape' | 'classes'>,
): DataBinding {
  const { separated, targets, output } = withLoss(model, loss);
  const inputs = separated.dataInputs.filter(({ name }) => name !== targets);
  const [input] = inputs;
  if (!input || inputs.length > 1) {
    throw new FlatminError(
      'INVALID_MODEL',
      `Model "${model.graph.name}" has the inputs ${inputs.map(({ name }) => name).join(', ') || '(none)'}, but a data set of images needs one.`,
    );
  }
  const images = ['batch', ...dataset.shape];
  const pixels = dataset.shape.reduce((product, dim) => product * dim, 1);
  checkSample(model, input, pixels, `images of ${dataset.name} (${images.join(' × ')})`);
  const logits = model.graph.output.find(({ name }) => name === output)!;
  checkSample(model, logits, dataset.classes, `the ${dataset.classes} classes of ${dataset.name}`);
  return {
    parameters: separated.parameters.map(({ name }) => name),
    feeds: (batch) => ({ [input.name!]: batch.images, [targets]: batch.labels }),
  };
}

/** Checks the elements a sample, where the model states them. */
function checkSample(model: ModelProto, value: ValueInfo, expected: number, what: string): void {
  const dims = (value.type?.tensorType?.shape?.dim ?? []).map((dim) => dim.dimParam || int64(dim.dimValue));
  const known = dims.slice(1);
  if (known.some((dim) => typeof dim === 'string')) return;
  if (known.reduce<number>((product, dim) => product * Number(dim), 1) === expected) return;
  throw new FlatminError(
    'INVALID_MODEL',
    `"${value.name}" of model "${model.graph.name}" has shape ${dims.join(' × ')}, which does not fit ${what}.`,
  );
}
