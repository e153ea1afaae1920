import { z } from 'zod';
import { FlatminError, invalid } from '../errors.js';
import { checked, type Given, option } from '../options/option.js';
import { count, countOrZero, text } from '../options/values.js';
import { assertUsed, resolveSettings, usedBy } from '../settings/resolve.js';
import type { TrainSettings } from '../settings/schema.js';
import type { Experiment, Scale, Variant } from './schema.js';
import { checkSharpness, type SharpnessSettings } from './sharpness-options.js';

const differentSeeds = z
  .array(countOrZero, 'different integers ≥ 0')
  .refine((seeds) => seeds.length > 0 && new Set(seeds).size === seeds.length, 'different integers ≥ 0')
  .readonly();

/** One training with its measurements. */
export interface Job {
  /** DATA-VARIANT-seedSEED; the name of its folder. */
  readonly id: string;
  /** The data set's name. */
  readonly data: string;
  /** Its variant's name. */
  readonly variant: string;
  /** Of its training. */
  readonly seed: number;
  /** The settings to train with. */
  readonly settings: Partial<TrainSettings>;
  /** Undefined where sharpness is not measured. */
  readonly sharpness: SharpnessSettings | undefined;
  /** Gradients of its training, in samples: for the time left. */
  readonly cost: number;
}

/** An experiment at one scale. */
export interface Plan {
  readonly experiment: Experiment;
  readonly scaleName: string;
  readonly scale: Scale;
  readonly variants: readonly Variant[];
  readonly seeds: readonly number[];
  /** Seed by seed, so that a part of them is a whole table of fewer seeds. */
  readonly jobs: readonly Job[];
}

export const planOptions = {
  /** Default: the experiment's first. */
  scale: option(text.optional(), {
    symbol: 'name',
    help: 'full (the paper’s), small, tiny, or one of the file’s',
    byDefault: "the experiment's first",
  }),
  /** Default: the scale's. */
  seeds: option(differentSeeds.optional(), {
    symbol: 'list',
    help: 'such as 0,1,2',
    byDefault: "the scale's",
  }),
  /** Folders of data sets by name. */
  data: option(z.record(text, text, 'folders by the names of data sets').readonly().optional(), {
    symbol: 'set=folder',
    help: 'where a data set is: cifar10=DIR; may be repeated',
  }),
};

/** Which jobs an experiment has. */
export interface PlanOptions extends Given<typeof planOptions> {}

export const shardOption = {
  /** This process does every count-th job, from the index-th (1-based) on. Default: all. */
  shard: option(z.object({ index: count, count }, 'i/n with 1 ≤ i ≤ n').optional(), {
    symbol: 'i/n',
    help: 'do the i-th of n parts of the jobs',
    byDefault: 'all',
  }),
};

/**
 * All jobs of an experiment at one scale, with their settings checked.
 * @throws FlatminError INVALID_ARGUMENT for an unknown scale, a data set without its folder, bad seeds, or bad settings of a variant or of the
 * measurement
 */
export function planExperiment(experiment: Experiment, options: PlanOptions = {}): Plan {
  const names = Object.keys(experiment.scales);
  const scaleName = options.scale ?? names[0]!;
  const scale = experiment.scales[scaleName];
  if (!scale) throw invalid('scale', `one of ${names.join(', ')}`, scaleName);
  const { seeds = scale.seeds, data: folders = {} } = checked(planOptions, options);
  checkFolders(folders, scale.data);

  const variants = (scale.variants ?? experiment.variants!) as Variant[];
  const sharpness = experiment.sharpness && checkSharpness({ ...experiment.sharpness, ...scale.sharpness });
  const jobs = seeds.flatMap((seed) =>
    scale.data.flatMap((data) =>
      variants.map((variant): Job => {
        const shared = { ...experiment.settings, ...scale.settings };
        const settings = jobSettings(shared, variant, dataSpec(data, folders), seed);
        const id = `${data}-${variant.name}-seed${seed}`;
        return { id, data, variant: variant.name, seed, settings, sharpness, cost: costOf(settings) };
      }),
    ),
  );
  return { experiment, scaleName, scale, variants, seeds, jobs };
}

/** Every count-th job from the index-th (1-based) on. @throws FlatminError INVALID_ARGUMENT */
export function shardOf<T>(jobs: readonly T[], shard: { index: number; count: number }): T[] {
  checked(shardOption, { shard });
  const { index, count } = shard;
  if (index > count) throw invalid('shard', 'i/n with 1 ≤ i ≤ n', `${index}/${count}`);
  return jobs.filter((_, position) => position % count === index - 1);
}

function jobSettings(
  shared: Partial<TrainSettings>,
  variant: Variant,
  data: string,
  seed: number,
): Partial<TrainSettings> {
  const { optimizer = 'sgd' } = { ...shared, ...variant.settings };
  try {
    const used = usedBy(optimizer, { ...shared, ...variant.settings });
    const given = { ...used, data, seed };
    for (const key of ['data', 'seed'] as const) {
      if (shared[key] !== undefined || variant.settings[key] !== undefined)
        throw new FlatminError(
          'INVALID_ARGUMENT',
          `"${key}" is not a setting of an experiment: it is in "scales".`,
        );
    }
    assertUsed({ base: used.base, ...variant.settings }, [optimizer], shared);
    resolveSettings(given);
    return given;
  } catch (cause) {
    if (!(cause instanceof FlatminError)) throw cause;
    throw new FlatminError(cause.code, `In the settings of variant "${variant.name}": ${cause.message}`, {
      cause,
    });
  }
}

function dataSpec(name: string, folders: Readonly<Record<string, string>>): string {
  if (name === 'digits') return name;
  const folder = folders[name];
  if (folder) return `${name}:${folder}`;
  throw new FlatminError(
    'INVALID_ARGUMENT',
    `The experiment needs ${name}: say where it is with --data ${name}=DIR (\`flatmin data ${name} --out DIR\` downloads it).`,
  );
}

function checkFolders(folders: Readonly<Record<string, string>>, needed: readonly string[]): void {
  const unused = Object.keys(folders).find((name) => !needed.includes(name));
  if (unused !== undefined)
    throw invalid('data', `of ${needed.join(', ')}, the data sets of this scale`, unused);
}

/** Gradients a step times passes over the data, which all jobs of a data set have in the same number. */
function costOf(settings: Partial<TrainSettings>): number {
  const { optimizer, ascentSteps = 1, epochs = 200 } = resolveSettings(settings);
  return epochs * (optimizer === 'sam' ? ascentSteps + 1 : 1);
}
