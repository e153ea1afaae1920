import type { Command, Option } from 'commander';
import type { z } from 'zod';
import { checkedValue, type Options } from '../options/option.js';
import { schemaOption } from './schema-option.js';

/** Declared options by the group of the help that they stand in, each under the name that its flag is made of. */
export type OptionGroups = Readonly<Record<string, Options>>;

type NameOf<O> = O extends unknown ? keyof O & string : never;
type ValueOf<O, K extends string> =
  O extends Readonly<Record<K, infer S extends z.ZodType>> ? z.output<S> : never;

/** What a command line gives of options. */
export type GivenOf<G extends OptionGroups> = {
  readonly [K in NameOf<G[keyof G]>]?: ValueOf<G[keyof G], K> | undefined;
};

export const optionsOf = (groups: OptionGroups): Option[] =>
  Object.entries(groups).flatMap(([group, options]) =>
    Object.entries(options).flatMap(([name, schema]) => schemaOption(group, name, [{ schema }])),
  );

export function addOptions(command: Command, groups: OptionGroups): void {
  for (const each of optionsOf(groups)) command.addOption(each);
}

/**
 * What was given of some options of a command, and no defaults.
 * @throws FlatminError INVALID_ARGUMENT naming the first that is out of range
 */
export function given<G extends OptionGroups>(command: Command, groups: G): GivenOf<G> {
  const schemas = Object.assign({}, ...Object.values(groups)) as Options;
  const values = valuesOf(command, Object.keys(schemas));
  for (const [name, value] of Object.entries(values)) checkedValue(name, schemas[name]!, value);
  return values as GivenOf<G>;
}

/** The same of options by their names, not checked. */
export const valuesOf = (command: Command, names: Iterable<string>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    [...names].flatMap((name) => {
      const value: unknown = command.getOptionValue(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );

/**
 * The values given, of which some must be: without one of them the command ends with wrong usage. Asked for after all options have been
 * read, since what was misspelt may be that one.
 */
export function required<T extends object, K extends keyof T & string>(
  command: Command,
  values: T,
  ...names: readonly K[]
): T & { readonly [N in K]: NonNullable<T[N]> } {
  for (const option of command.options) {
    const name = option.attributeName();
    if (names.includes(name as K) && values[name as K] === undefined)
      command.error(`error: required option '${option.flags}' not specified`);
  }
  return values as T & { readonly [N in K]: NonNullable<T[N]> };
}
