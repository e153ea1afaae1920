import { FlatminError } from '../errors.js';
import { npy, npz, safetensors } from './arrays/kinds.js';
import { folder } from './folder/folder.js';
import { hf } from './hub/kind.js';
import type { Dataset } from './images/dataset.js';
import { assertUsedBy, type DataKind, formOf, type OpenContext } from './kind.js';
import type { DataSettings } from './options.js';
import { pairs } from './pairs/pairs.js';
import { cifar10, cifar100 } from './sets/cifar.js';
import { digits } from './sets/digits.js';
import type { Source } from './source.js';
import { csv, parquet } from './table/kinds.js';
import { jsonl, text } from './text/kinds.js';

/** The registry: all data that a command line can name. A new kind is a file and a line here. */
export const dataKinds: readonly DataKind[] = [
  ...[digits, cifar10, cifar100, folder, pairs],
  ...[npz, npy, safetensors, csv, parquet, text, jsonl, hf],
];

const listed = (kinds: readonly DataKind[]) =>
  new Intl.ListFormat('en-GB', { type: 'disjunction' }).format(kinds.map(formOf));

/** What `--data` takes: 'digits, cifar10:DIR or cifar100:DIR'. */
export const DATA_HINT = listed(dataKinds);

/** What a command line names, without opening it; undefined for something unknown. */
export function parseData(spec: string): { kind: DataKind; location: string } | undefined {
  const colon = spec.indexOf(':');
  const name = colon < 0 ? spec : spec.slice(0, colon);
  const location = colon < 0 ? '' : spec.slice(colon + 1);
  const kind = dataKinds.find((each) => each.name === name);
  return kind && (colon < 0 || kind.location) ? { kind, location } : undefined;
}

/**
 * The data that a command line names (see DATA_HINT), for a model.
 * @throws FlatminError INVALID_ARGUMENT for anything else and for settings that these data have no use for; what the kind throws
 */
export async function openSource(spec: string, context: OpenContext): Promise<Source> {
  const { kind, location } = parsed(spec, dataKinds);
  assertUsed(spec, context.settings);
  return kind.open(location, context);
}

/** As `assertUsedBy`, of what is named. @throws FlatminError INVALID_ARGUMENT for a setting that the data have no use for */
export const assertUsed = (spec: string, settings: DataSettings): void =>
  assertUsedBy(parseData(spec)?.kind, spec, settings);

/**
 * The images that a command line names, in memory.
 * @throws FlatminError INVALID_ARGUMENT for anything else, and what the loader of that data set throws
 */
export async function openDataset(spec: string): Promise<Dataset> {
  const inMemory = dataKinds.filter(({ load }) => load);
  const found = parseData(spec);
  if (found && !found.kind.load)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `${JSON.stringify(spec)} is not held in memory as images: \`openSource\` opens it, and so do commands by --data; \`openDataset\` opens ${listed(inMemory)}.`,
    );
  const { kind, location } = parsed(spec, inMemory);
  return kind.load!(location);
}

/** As `openDataset`; undefined for data that are not held in memory. */
export async function sharedDataset(spec: string): Promise<Dataset | undefined> {
  const { kind, location } = parsed(spec, dataKinds);
  return kind.load?.(location);
}

function parsed(spec: string, kinds: readonly DataKind[]): { kind: DataKind; location: string } {
  const found = parseData(spec);
  if (!found || !kinds.includes(found.kind) || (found.kind.location && found.location === ''))
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `There is no data set ${JSON.stringify(spec)}: expected ${listed(kinds)} (\`flatmin data cifar10 --out DIR\` downloads one).`,
    );
  return found;
}
