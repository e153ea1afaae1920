import type { Option } from 'commander';
import { z } from 'zod';
import { type About, aboutOf } from '../options/option.js';
import {
  option,
  type Parse,
  toMap,
  toNames,
  toNumber,
  toNumberOr,
  toNumberOrNone,
  toNumbers,
} from './option-values.js';

type Read<T> = (text: string, before: T | undefined) => T;
const reads = new WeakMap<z.ZodType, Parse>();

/** A declared option with how the command line reads its text, where its schema does not tell. */
export function readBy<S extends z.ZodType>(schema: S, read: Read<NonNullable<z.output<S>>>): S {
  reads.set(schema, read);
  return schema;
}

/** An option as one of its owners declares it; without an owner it is everybody's. */
export interface DeclaredBy {
  readonly owner?: string;
  readonly schema: z.ZodType;
}

/** `ascentSteps` is given as `--ascent-steps`. */
export const flagOf = (name: string): string =>
  `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/**
 * The command line's option of a declared one: its flag from its name, how its text is read from its schema, its help from what is said
 * of it.
 * @param declared by all that have it; where their defaults or words differ, the help names whose they are
 * @param isShared whether all of a kind have it, so that the help need not say who has
 * @param isTakenBack whether a truth value gets a second option that takes it back
 */
export function schemaOption(
  group: string,
  name: string,
  declared: readonly DeclaredBy[],
  { isShared = true, isTakenBack = false }: { isShared?: boolean; isTakenBack?: boolean } = {},
): Option[] {
  const abouts = declared.map(({ owner, schema }) => ({ owner, about: aboutOf(schema) as About }));
  const schemas = declared.map(({ schema }) => inner(schema));
  const help = helpText(abouts, isShared);
  const flag = flagOf(name);
  const byDefault = defaultText(abouts);
  if (schemas.every((schema) => schema instanceof z.ZodBoolean))
    return [
      option(group, flag, help, { byDefault }),
      ...(isTakenBack ? [option(group, flag.replace('--', '--no-'), "against a recipe's")] : []),
    ];
  const symbol = abouts[0]!.about.symbol ?? name;
  const isOptional = schemas.some((schema) => takesFalse(schema));
  const flags = `${flag} ${isOptional ? `[${symbol}]` : `<${symbol}>`}`;
  const choices = schemas.flatMap((schema) =>
    schema instanceof z.ZodEnum ? schema.options.map(String) : [],
  );
  if (choices.length > 0) return [option(group, flags, help, { choices: [...new Set(choices)], byDefault })];
  const parse = parserOf(declared[0]!.schema);
  return [option(group, flags, help, { byDefault, ...(parse && { parse }) })];
}

/** What it is: in the words of each owner, after its name. */
function helpText(abouts: readonly { owner: string | undefined; about: About }[], isShared: boolean): string {
  const helps = new Map<string, typeof abouts>();
  for (const each of abouts) helps.set(each.about.help, [...(helps.get(each.about.help) ?? []), each]);
  if (isShared && helps.size === 1) return abouts[0]!.about.help;
  return [...helps].map(([help, own]) => `${own.map(({ owner }) => owner).join(', ')}: ${help}`).join('; ');
}

/** The default, or defaults with whose they are: '0.05; 0.5 for asam'. */
function defaultText(abouts: readonly { owner: string | undefined; about: About }[]): string | undefined {
  const owners = new Map<string, string[]>();
  for (const { owner, about } of abouts) {
    const shown = about.byDefault ?? textOf(about.default);
    if (shown !== undefined) owners.set(shown, [...(owners.get(shown) ?? []), owner ?? '']);
  }
  const [first, ...others] = owners;
  if (!first) return undefined;
  return [first[0], ...others.map(([shown, names]) => `${shown} for ${names.join(', ')}`)].join('; ');
}

const textOf = (value: unknown): string | undefined => {
  if (value === undefined) return undefined;
  if (value === null) return 'none';
  return typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value);
};

function parserOf(schema: z.ZodType): Parse | undefined {
  const read = reads.get(schema);
  if (read) return read;
  if (schema instanceof z.ZodNullable) return toNumberOrNone;
  const core = inner(schema);
  if (core instanceof z.ZodString) return undefined;
  if (core instanceof z.ZodRecord) return toMap;
  if (core instanceof z.ZodUnion) return toNumberOr(literalsOf(core));
  if (!(core instanceof z.ZodArray)) return toNumber;
  return core.element instanceof z.ZodEnum || core.element instanceof z.ZodString ? toNames : toNumbers;
}

const literalsOf = (schema: z.ZodType): unknown[] =>
  schema instanceof z.ZodUnion
    ? schema.options.flatMap((each) => (each instanceof z.ZodLiteral ? [...each.values] : []))
    : [];

const takesFalse = (schema: z.ZodType): boolean => literalsOf(schema).includes(false);

/** The schema inside optional(), nullable() and readonly(). */
const inner = (schema: z.ZodType): z.ZodType =>
  schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodReadonly
    ? inner(schema.unwrap() as z.ZodType)
    : schema;
