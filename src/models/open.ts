import { FlatminError } from '../errors.js';
import { isHubName } from '../hub/name.js';
import { readModel } from '../onnx/model.js';
import type { ModelProto } from '../onnx/proto.js';
import { modelPath } from './hub-model.js';
import { mlp } from './mlp.js';
import { smallCnn } from './small-cnn.js';
import { wideResNet } from './wide-resnet.js';

export interface ModelContext {
  classes: number;
  inputShape: readonly [number, number, number];
  shortcut?: 'conv' | 'pad';
  seed?: number;
}

/** A model that a file holds; undefined for the names of built-in ones, which are made for the data. */
export const openForeignModel = async (name: string): Promise<ModelProto | undefined> =>
  isHubName(name) || name.endsWith('.onnx') ? readModel(await modelPath(name)) : undefined;

/**
 * A model from its name: 'wrn-DEPTH-WIDTH', 'small-cnn', 'mlp' or 'mlp-H1-H2…' (hidden units), 'hf:OWNER/NAME…' (docs/hub.md), or the path of an
 * .onnx file.
 * @throws FlatminError INVALID_ARGUMENT on another name, and what hubModel and readModel throw
 */
export async function openModel(name: string, context: ModelContext): Promise<ModelProto> {
  const foreign = await openForeignModel(name);
  if (foreign) return foreign;
  const wide = /^wrn-(\d+)-(\d+)$/.exec(name);
  if (wide) return wideResNet({ depth: Number(wide[1]), width: Number(wide[2]), ...context });
  if (name === 'small-cnn') return smallCnn(context);
  const layers = /^mlp((?:-\d+)*)$/.exec(name);
  if (layers)
    return mlp({ ...context, ...(layers[1] && { hidden: layers[1].slice(1).split('-').map(Number) }) });
  throw new FlatminError(
    'INVALID_ARGUMENT',
    `Expected a model 'wrn-DEPTH-WIDTH', 'small-cnn', 'mlp', 'mlp-H1-H2', 'hf:OWNER/NAME' or a path ending in .onnx, but received "${name}".`,
  );
}
