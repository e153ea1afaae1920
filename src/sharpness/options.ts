import { z } from 'zod';
import { checked, type Options, option } from '../options/option.js';
import { choice, notNegative, positive } from '../options/values.js';
import { seed } from './declare.js';
import type { Passes } from './evaluations.js';
import { DIFFERENCE_STEP } from './hessian.js';
import { measureKinds } from './index.js';

/** The declaration of a measure. */
export type DeclaredMeasure = (typeof measureKinds)[number];
export type MeasureName = DeclaredMeasure['name'];
/** What each measure finds. */
export type MeasureResults = { [D in DeclaredMeasure as D['name']]: Awaited<ReturnType<D['run']>> };

/** In the order they are measured. */
export const MEASURE_NAMES: readonly MeasureName[] = measureKinds.map(({ name }) => name);

/** Options of every measurement; those of the measures are in their files. */
export const commonOptions = {
  measures: option(
    z
      .array(choice(MEASURE_NAMES as [MeasureName, ...MeasureName[]]))
      .min(1, `some of ${MEASURE_NAMES.join(', ')}`)
      .readonly(),
    {
      symbol: 'names',
      help: `some of ${MEASURE_NAMES.join(',')}`,
      default: ['ascent'],
      byDefault: 'ascent',
    },
  ),
  rho: option(positive, { symbol: 'radius', help: 'radius ρ, in the norm of all parameters', default: 0.05 }),
  seed,
  eta: option(notNegative, {
    symbol: 'η',
    help: 'of the adaptive measures, which scale by |w| + η',
    default: 0.01,
  }),
  products: option(choice(['exact', 'differences']), {
    symbol: 'kind',
    help: 'Hessian-vector products: exact, or differences of gradients',
    default: 'exact',
  }),
  differenceStep: option(positive, {
    symbol: 's',
    help: 'shift of the gradients whose difference is a product, in the norm of the parameters',
    default: DIFFERENCE_STEP,
    byDefault: '2⁻⁶',
  }),
} satisfies Options;

/** Names of the options of any measure, and the values that one may have. */
export type MeasureOption = DeclaredMeasure['options'] extends infer O
  ? O extends unknown
    ? keyof O
    : never
  : never;
export type MeasureOptionValue<K extends MeasureOption> = DeclaredMeasure['options'] extends infer O
  ? O extends Readonly<Record<K, z.ZodType>>
    ? z.output<O[K]>
    : never
  : never;

/** What may be set: `flatmin sharpness --help` says it in words, with the defaults. */
export type SharpnessOptions = {
  readonly [K in MeasureOption]?: MeasureOptionValue<K> | undefined;
} & { readonly [K in keyof typeof commonOptions]?: z.output<(typeof commonOptions)[K]> | undefined } & {
  readonly measures?: readonly MeasureName[] | undefined;
  /** Called after every pass over the data, or a batch of it, with the measure under way and the passes since it began. */
  readonly onPass?: ((measure: MeasureName, passes: Passes) => void) | undefined;
};

/** All options by name, each with the measures that declare it; none for what is of every measurement. */
export const sharpnessOptions: ReadonlyMap<string, readonly { owner?: string; schema: z.ZodType }[]> =
  (() => {
    const all = new Map<string, { owner?: string; schema: z.ZodType }[]>();
    for (const [name, schema] of Object.entries(commonOptions)) all.set(name, [{ schema }]);
    for (const { name: owner, options } of measureKinds as readonly { name: string; options: Options }[])
      for (const [name, schema] of Object.entries(options))
        if (!(name in commonOptions)) all.set(name, [...(all.get(name) ?? []), { owner, schema }]);
    return all;
  })();

/** The options of every measurement, with defaults. @throws FlatminError INVALID_ARGUMENT naming the first option out of range */
export function resolveOptions(given: SharpnessOptions) {
  for (const { options } of measureKinds as readonly { options: Options }[]) checked(options, given);
  return { ...checked(commonOptions, given), onPass: given.onPass };
}
