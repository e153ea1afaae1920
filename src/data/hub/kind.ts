import { folder } from '../folder/folder.js';
import { assertUsedBy, type DataKind, dataKind } from '../kind.js';
import { csv, parquet } from '../table/kinds.js';
import { jsonl, text } from '../text/kinds.js';
import { fetchHubData } from './fetch.js';
import type { HubFormat } from './layout.js';

const KINDS: Readonly<Record<HubFormat, DataKind>> = { parquet, jsonl, csv, folder, text };
/** Training images are changed as is usual, where the data are such in folders. */
const USUAL = 'auto';

/** Data sets of the Hugging Face Hub: whatever of these their files are. */
export const hf = dataKind({
  name: 'hf',
  location: 'OWNER/NAME',
  settings: [...new Set(Object.values(KINDS).flatMap(({ settings }) => settings))],
  augment: USUAL,
  async open(location, context) {
    const data = await fetchHubData(`hf:${location}`);
    const kind = KINDS[data.format];
    assertUsedBy(kind, data.name, context.settings);
    const { augment } = context.settings;
    const own = {
      ...context,
      settings: { ...context.settings, augment: augment === USUAL ? kind.augment : augment },
    };
    const source = await (kind.openFiles?.(data.name, data.files, own) ?? kind.open(data.folder, own));
    return { ...source, name: data.name };
  },
});
