import { z } from 'zod';
import { invalid } from '../errors.js';
import { aboutOf, checked, checkedValue, type Options, option } from '../options/option.js';
import { choice, notNegative, positive } from '../options/values.js';
import { type MeasureDeclaration, seed } from './declare.js';
import type { Passes } from './evaluations.js';
import { DIFFERENCE_STEP } from './hessian.js';
import { measureKinds } from './index.js';

/** The declaration of a measure. */
export type DeclaredMeasure = (typeof measureKinds)[number];
/** Names of flatmin's measures. */
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
      help: `some of ${MEASURE_NAMES.join(', ')}`,
      default: ['ascent'],
      byDefault: 'ascent',
    },
  ),
  rho: option(positive, { symbol: 'radius', help: 'radius ρ, in the norm of all parameters', default: 0.05 }),
  seed,
  eta: option(notNegative, {
    symbol: 'η',
    help: 'of the adaptive measures, which scale all parameters by |w| + η',
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

/** Names of the options of any of some measures; default: of flatmin's. */
export type MeasureOption<D extends MeasureDeclaration = DeclaredMeasure> = D extends unknown
  ? keyof D['options'] & string
  : never;
/** The values that one of these options may have. */
export type MeasureOptionValue<
  K extends string,
  D extends MeasureDeclaration = DeclaredMeasure,
> = D['options'] extends infer O
  ? O extends Readonly<Record<K, z.ZodType>>
    ? z.output<O[K]>
    : never
  : never;

/** A measure to take: by its name, or one of one's own by its declaration. */
export type AskedMeasure = MeasureName | MeasureDeclaration;
/** Those of one's own. */
export type OwnMeasure<M extends AskedMeasure> = Extract<M, MeasureDeclaration>;

/**
 * What may be set: `flatmin sharpness --help` says it in words, with the defaults. The options of measures of one's own stand beside
 * flatmin's; an option that two measures declare has one value, which must be in the range of both.
 */
export type SharpnessOptions<M extends AskedMeasure = MeasureName> = {
  readonly [K in MeasureOption]?: MeasureOptionValue<K> | undefined;
} & {
  /** Checked when it is measured: with types of values here, TypeScript no longer infers M from `measures`. */
  readonly [K in MeasureOption<OwnMeasure<M>>]?: unknown;
} & {
  readonly [K in Exclude<keyof typeof commonOptions, 'measures'>]?:
    | z.output<(typeof commonOptions)[K]>
    | undefined;
} & {
  /** Names of flatmin's measures, and declarations of one's own (`measureKind`). Default: ascent alone. */
  readonly measures?: readonly M[] | undefined;
  /** Called after every pass over the data, or a batch of it, with the measure under way and the passes since it began. */
  readonly onPass?: ((measure: MeasureName | OwnMeasure<M>['name'], passes: Passes) => void) | undefined;
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

/**
 * The options of every measurement, with defaults, and the measures asked for: flatmin's in the order of the registry, then those of
 * one's own.
 * @throws FlatminError INVALID_ARGUMENT naming the first option out of range, or a name that two measures have
 */
export function resolveOptions<M extends AskedMeasure>(given: SharpnessOptions<M>) {
  const listed: readonly AskedMeasure[] = given.measures ?? aboutOf(commonOptions.measures).default!;
  const isOwn = (each: unknown): each is MeasureDeclaration =>
    typeof each === 'object' && each !== null && 'options' in each && 'name' in each;
  const own = Array.isArray(listed) ? listed.filter(isOwn) : [];
  const names = own.length > 0 ? listed.filter((each) => !isOwn(each)) : listed;
  if (names.length > 0 || own.length === 0) checkedValue('measures', commonOptions.measures, names);
  const builtIn: readonly MeasureDeclaration[] = measureKinds;
  for (const { options } of [...builtIn, ...own]) checked(options, given);
  for (const [index, { name }] of own.entries())
    if ([...builtIn, ...own.slice(0, index)].some((other) => other.name === name))
      throw invalid('measures', 'measures with names of their own', name);
  const { measures: _, ...common } = commonOptions;
  return {
    ...checked(common, given),
    measures: [...builtIn.filter(({ name }) => names.includes(name as MeasureName)), ...own],
    onPass: given.onPass,
  };
}
