import type { RunConfigFile } from '../formats/run/config.js';
import { isHubName } from '../hub/name.js';
import type { HubOptions } from '../hub/options.js';
import { hubModel } from '../models/hub-model.js';
import type { TrainSettings } from '../settings/schema.js';
import type { Execution } from './execution.js';

/** What the user named, where the settings name just its bytes: `hf:OWNER/NAME` for `hf:OWNER/NAME@COMMIT/FILE.onnx`. */
export type AskedNames = NonNullable<RunConfigFile['asked']>;

/** How a run's model of the hub is brought here. */
export interface PinOptions extends Pick<Execution, 'model'> {
  readonly signal?: AbortSignal | undefined;
  /** Told how far the download of a model of the Hugging Face Hub is. */
  readonly onDownload?: HubOptions['onProgress'];
  /** Told where the cache stands in for the hub. Default: a line on stderr. */
  readonly warn?: HubOptions['onNote'];
}

/**
 * The settings with a model of the hub named by its commit and file, and the model in the cache: whatever its branch comes to later, the
 * run has the same bytes.
 * @param saved of the run that is resumed: what was asked for then, and what it came to
 * @returns with `asked` undefined where nothing of the hub is named
 * @throws FlatminError what hubModel throws
 */
export async function pinModel<S extends Partial<Pick<TrainSettings, 'model'>>>(
  settings: S,
  saved: { readonly model?: string | undefined; readonly asked?: AskedNames | undefined } | undefined,
  { model: own, signal, onDownload, warn }: PinOptions,
): Promise<{ settings: S; asked: AskedNames | undefined }> {
  const { model } = settings;
  if (own || model === undefined || !isHubName(model)) return { settings, asked: undefined };
  if (saved?.model !== undefined && (model === saved.model || model === saved.asked?.model))
    return { settings: { ...settings, model: saved.model }, asked: saved.asked };
  const { name } = await hubModel(model, { signal, onProgress: onDownload, onNote: warn });
  return { settings: { ...settings, model: name }, asked: { model } };
}
