import { FlatminError } from '../errors.js';
import { loadCifar10, loadCifar100 } from './cifar.js';
import type { Dataset } from './dataset.js';
import { loadDigits } from './digits.js';

/**
 * The data set that a command line names: `digits`, `cifar10:DIR` or `cifar100:DIR`. Throws INVALID_ARGUMENT for anything else
 * and what the loader of that data set throws.
 */
export async function openDataset(spec: string): Promise<Dataset> {
  const colon = spec.indexOf(':');
  const name = colon < 0 ? spec : spec.slice(0, colon);
  const dir = colon < 0 ? '' : spec.slice(colon + 1);
  if (name === 'digits' && colon < 0) return loadDigits();
  if (name === 'cifar10' && dir) return loadCifar10(dir);
  if (name === 'cifar100' && dir) return loadCifar100(dir);
  throw new FlatminError(
    'INVALID_ARGUMENT',
    `There is no data set ${JSON.stringify(spec)}: expected digits, cifar10:DIR or cifar100:DIR (\`flatmin data cifar10 --out DIR\` downloads one).`,
  );
}
