import { join } from 'node:path';
import { z } from 'zod';
import { sharedDataset } from '../data/index.js';
import { FlatminError } from '../errors.js';
import { type ComparisonConfigFile, isComparisonConfig } from '../formats/run/config.js';
import type { TrainSummary } from '../formats/run/summary.js';
import { checkedValue, option } from '../options/option.js';
import { assertUsed, resolveSettings, usedBy, withoutUndefined } from '../settings/resolve.js';
import { OPTIMIZER_NAMES, type OptimizerName, type TrainSettings } from '../settings/schema.js';
import { RunFolder, readRunConfig } from './folder/run-folder.js';
import { ofConfig } from './folder/saved-settings.js';
import { pinNames } from './pinned-names.js';
import { prepare } from './setup.js';
import { type TrainOptions, train } from './train.js';

const SAM_N = /^sam-(\d+)$/;
const EXPECTED = `some of ${OPTIMIZER_NAMES.join(', ')}, sam-N, all different`;

/** The optimizers that are compared. */
export const compareOption = option(
  z
    .array(
      z
        .string(EXPECTED)
        .refine((name) => SAM_N.test(name) || OPTIMIZER_NAMES.some((known) => known === name), EXPECTED),
      EXPECTED,
    )
    .min(1, EXPECTED)
    .refine((names) => new Set(names).size === names.length, EXPECTED)
    .readonly(),
  {
    symbol: 'names',
    help: 'train once with each of some optimizers, or sam-N for N ascent steps, into OUT/NAME',
  },
);

/**
 * Trains one model, from the same initial values and on the same batches, once with each optimizer, in OUT/NAME.
 * @param names 'sgd', 'sam' and the other optimizers, or 'sam-N' for SAM with N ascent steps; on resume default those of the run
 * @param given the settings of train, without `optimizer`
 * @returns a summary by name, in the order given
 * @throws what train throws
 */
export async function compare(
  names: readonly string[] | undefined,
  given: Partial<TrainSettings>,
  options: TrainOptions,
): Promise<Record<string, TrainSummary>> {
  if (options.restart)
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `restart is of one run: give the folder of the one to begin again, such as ${join(options.out, 'sam')}, then resume the comparison.`,
    );
  await RunFolder.check(options.out, { resume: options.resume ?? false });
  const saved = options.resume ? await readComparison(options.out) : undefined;
  const chosen = names ?? saved?.compare ?? [];
  const unpinned = { ...saved?.settings, ...withoutUndefined(given) };
  planRuns(chosen, unpinned);
  const before = saved && { model: saved.settings.model, data: saved.settings.data, asked: saved.asked };
  const { settings, asked } = await pinNames(unpinned, before, options);
  const runs = planRuns(chosen, settings);
  const dataset = options.dataset ?? (settings.data ? await sharedDataset(settings.data) : undefined);
  const shared = { ...options, dataset };
  for (const { given: own } of runs) await prepare(resolveSettings(own), shared);

  const config = { compare: chosen, settings, ...(asked && { asked }) };
  const folder = await RunFolder.create(options.out, config, { resume: options.resume ?? false });
  try {
    const summaries: Record<string, TrainSummary> = {};
    for (const { name, given: own } of runs) {
      const out = folder.path(name);
      const resume = (await readRunConfig(out)) !== undefined;
      const label = options.label === undefined ? undefined : name;
      summaries[name] = await train(own, { ...shared, out, resume, label });
    }
    return summaries;
  } finally {
    folder.close();
  }
}

interface Comparison {
  compare: readonly string[];
  settings: Partial<TrainSettings>;
  asked: ComparisonConfigFile['asked'];
}

/** The comparison that a folder holds; undefined where it holds none. @throws FlatminError INVALID_DATA naming the file and the setting */
export async function readComparison(out: string): Promise<Comparison | undefined> {
  const config = await readRunConfig(out);
  if (!config || !isComparisonConfig(config)) return undefined;
  const { compare: names, asked } = config;
  // Checked below, as the settings of each run.
  const settings = config.settings as Partial<TrainSettings>;
  ofConfig(out, () => {
    for (const { given } of planRuns(names, settings)) resolveSettings(given);
  });
  return { compare: names, settings, asked };
}

/** The settings of each run: those of its optimizer out of the given ones. */
function planRuns(names: readonly string[], given: Partial<TrainSettings>) {
  if (given.optimizer !== undefined)
    throw new FlatminError('INVALID_ARGUMENT', 'Give either an optimizer or a comparison, not both.');
  const runs = checkedValue('compare', compareOption, names).map((name) => {
    const own = { ...given, ...optimizerOf(name) };
    return { name, optimizer: own.optimizer, given: usedBy(own.optimizer, own) };
  });
  assertUsed(
    given,
    runs.map(({ optimizer }) => optimizer),
  );
  return runs;
}

function optimizerOf(name: string): { optimizer: OptimizerName; ascentSteps?: number } {
  const sam = SAM_N.exec(name);
  return sam ? { optimizer: 'sam', ascentSteps: Number(sam[1]) } : { optimizer: name as OptimizerName };
}
