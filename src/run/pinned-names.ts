import { fetchHubData } from '../data/hub/fetch.js';
import type { RunConfigFile } from '../formats/run/config.js';
import { isHubName } from '../hub/name.js';
import type { HubOptions } from '../hub/options.js';
import { hubModel } from '../models/hub-model.js';
import type { TrainSettings } from '../settings/schema.js';
import type { Execution } from './execution.js';

/** What the user named, where the settings name just its bytes: `hf:OWNER/NAME` for `hf:OWNER/NAME@COMMIT/FILE.onnx`. */
export type AskedNames = Pick<NonNullable<RunConfigFile['asked']>, 'model' | 'data'>;

/** How a run's model and data of the hub are brought here. */
export interface PinOptions extends Pick<Execution, 'model' | 'dataset'> {
  readonly signal?: AbortSignal | undefined;
  /** Told how far a download from the Hugging Face Hub is. */
  readonly onDownload?: HubOptions['onProgress'];
  /** Told where the cache stands in for the hub. Default: a line on stderr. */
  readonly warn?: HubOptions['onNote'];
}

/** What names a thing of the hub in the settings, and how it comes here. */
const FETCH: Readonly<
  Record<keyof AskedNames, (name: string, options: HubOptions) => Promise<{ name: string }>>
> = {
  model: hubModel,
  data: fetchHubData,
};

/** A run that is resumed: what was asked for then, and what it came to. */
export interface PinnedBefore {
  readonly model?: string | undefined;
  readonly data?: string | undefined;
  readonly asked?: AskedNames | undefined;
}

/**
 * The settings with a model and data of the hub named by their commits, and their files in the cache: whatever their branches come to
 * later, the run has the same bytes.
 * @returns with `asked` undefined where nothing of the hub is named
 * @throws FlatminError what hubModel and fetchHubData throw
 */
export async function pinNames<S extends Partial<Pick<TrainSettings, 'model' | 'data'>>>(
  settings: S,
  saved: PinnedBefore | undefined,
  { model, dataset, signal, onDownload, warn }: PinOptions,
): Promise<{ settings: S; asked: AskedNames | undefined }> {
  const own = { model, data: dataset };
  const pinned: Partial<Record<keyof AskedNames, string>> = {};
  const asked: { model?: string | undefined; data?: string | undefined } = {};
  for (const key of Object.keys(FETCH) as (keyof AskedNames)[]) {
    const name = settings[key];
    if (own[key] || name === undefined || !isHubName(name)) continue;
    const before = saved?.[key];
    if (before !== undefined && (name === before || name === saved?.asked?.[key])) {
      pinned[key] = before;
      asked[key] = saved?.asked?.[key] ?? before;
      continue;
    }
    pinned[key] = (await FETCH[key](name, { signal, onProgress: onDownload, onNote: warn })).name;
    asked[key] = name;
  }
  return {
    settings: { ...settings, ...pinned },
    asked: Object.keys(asked).length > 0 ? asked : undefined,
  };
}
