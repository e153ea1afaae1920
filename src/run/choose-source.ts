import {
  type DataSettings,
  dataOptions,
  imageSource,
  isSource,
  type ModelInput,
  openDataset,
  openSource,
  parseAugmentation,
  parseData,
  type Source,
  sampled,
  subset,
} from '../data/index.js';
import type { OpenContext } from '../data/kind.js';
import { assertUsed } from '../data/open.js';
import type { ModelProto } from '../onnx/proto.js';
import { dimsOf } from '../onnx/shapes/dimensions.js';
import { DataType, dataTypeName } from '../onnx/tensors/tensor.js';
import type { TrainSettings } from '../settings/schema.js';
import type { Execution } from './execution.js';

type Settings = Pick<
  TrainSettings,
  'data' | 'trainSamples' | 'testSamples' | 'seed' | 'loss' | 'ignoreIndex' | 'constants' | keyof DataSettings
>;

/**
 * The data of a run: those that the settings name, or the seeded part of them that they ask for.
 * @param model what they are for, where it does not come of them
 */
export async function chooseSource(
  settings: Settings,
  { dataset, isMeasured }: Pick<Execution, 'dataset'> & Pick<OpenContext, 'isMeasured'>,
  model: ModelProto | undefined,
): Promise<Source> {
  const { data, trainSamples: train, testSamples: test, seed } = settings;
  const given = Object.keys(dataOptions).map((name) => [name, settings[name as keyof DataSettings]]);
  const reading = Object.fromEntries(given) as DataSettings;
  assertUsed(data, reading);
  const images = dataset ?? (parseData(data)?.kind.load ? await openDataset(data) : undefined);
  if (images && !isSource(images)) {
    const isWhole = train === undefined && test === undefined;
    // The part's own pixels normalise it.
    const part = isWhole ? images : subset(images, { seed, ...defined({ train, test }) });
    return imageSource(part, { augmentation: parseAugmentation(settings.augment ?? 'none') });
  }
  const context = {
    settings: reading,
    seed,
    inputs: model && inputsOf(model, settings.constants),
    loss: settings.loss,
    ignoreIndex: settings.ignoreIndex,
    isMeasured,
  };
  return sampled(images ?? (await openSource(data, context)), { train, test, seed });
}

const defined = <T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;

/** What batches have to hold: no weights, and no inputs that are constant. */
const inputsOf = ({ graph }: ModelProto, constants: Settings['constants'] = {}): ModelInput[] => {
  const weights = new Set(graph.initializer.map(({ name }) => name));
  return graph.input
    .filter(({ name }) => !weights.has(name) && !Object.hasOwn(constants, name))
    .map((info) => ({
      name: info.name,
      type: dataTypeName(info.type?.tensorType?.elemType ?? DataType.float),
      dims: dimsOf(info) ?? [],
    }));
};
