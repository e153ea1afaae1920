import { FlatminError } from '../errors.js';
import { cifar10, cifar100 } from './cifar.js';
import type { Dataset } from './dataset.js';
import { digits } from './digits.js';
import type { DatasetKind } from './kind.js';

/** The registry: every data set that a command line can name. A new one is a file and a line here. */
export const datasetKinds: readonly DatasetKind[] = [digits, cifar10, cifar100];

const form = ({ name, needsFolder }: DatasetKind): string => (needsFolder ? `${name}:DIR` : name);

/** What `--data` takes: 'digits, cifar10:DIR or cifar100:DIR'. */
export const DATA_HINT = new Intl.ListFormat('en-GB', { type: 'disjunction' }).format(datasetKinds.map(form));

/** What a command line names, without opening it; undefined for something unknown. */
export function parseDataset(spec: string): { kind: DatasetKind; folder: string } | undefined {
  const colon = spec.indexOf(':');
  const name = colon < 0 ? spec : spec.slice(0, colon);
  const folder = colon < 0 ? '' : spec.slice(colon + 1);
  const kind = datasetKinds.find((each) => each.name === name);
  return kind && (colon < 0 || kind.needsFolder) ? { kind, folder } : undefined;
}

/**
 * The data set that a command line names (see DATA_HINT).
 * @throws FlatminError INVALID_ARGUMENT for anything else, and what the loader of that data set throws
 */
export async function openDataset(spec: string): Promise<Dataset> {
  const found = parseDataset(spec);
  if (!found || (found.kind.needsFolder && found.folder === ''))
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `There is no data set ${JSON.stringify(spec)}: expected ${DATA_HINT} (\`flatmin data cifar10 --out DIR\` downloads one).`,
    );
  return found.kind.open(found.folder);
}
