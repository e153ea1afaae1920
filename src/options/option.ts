import { z } from 'zod';
import { invalid } from '../errors.js';

/** What is said of an option once, for the command line, the docs, the checks and the defaults. */
export interface About<T = unknown> {
  /** One line. */
  readonly help: string;
  /** What its value is called: the symbol of the equation, as ρ, or a word. */
  readonly symbol?: string;
  /** Absent where the option is needed, or does nothing unless it is given. */
  readonly default?: T;
  /** What stands for the default in the help, where it is no value: 'all'. */
  readonly byDefault?: string;
}

/** Options by name: the range of each and, attached to it, what is said of it. */
export type Options = Readonly<Record<string, z.ZodType>>;

/** The values of options. */
export type Values<S extends Options> = { readonly [K in keyof S]: z.output<S[K]> };

/** What a caller may give of options; those that are absent have their defaults. */
export type Given<S extends Options> = { [K in keyof S]?: z.output<S[K]> | undefined };

const abouts = z.registry<About>();

/** The schema of an option, with what is said of it. */
export function option<S extends z.ZodType>(schema: S, about: About<z.output<S>>): S {
  const own = schema.clone() as S;
  abouts.add(own, about);
  return own;
}

/** What is said of an option. @throws RangeError for a schema that is none */
export function aboutOf<S extends z.ZodType>(schema: S): About<z.output<S>> {
  const about = abouts.get(schema);
  if (!about) throw new RangeError('Nothing is said of this option: make it with option().');
  return about as About<z.output<S>>;
}

/** The same option with other words or another default. */
export const changed = <S extends z.ZodType>(schema: S, about: Partial<About<z.output<S>>>): S =>
  option(schema, { ...aboutOf(schema), ...about });

/** The defaults of those options that have one. */
export const defaultsOf = <S extends Options>(options: S): Partial<Values<S>> =>
  Object.fromEntries(
    Object.entries(options).flatMap(([name, schema]) => {
      const { default: value } = aboutOf(schema);
      return value === undefined ? [] : [[name, value]];
    }),
  ) as Partial<Values<S>>;

/**
 * The values of options out of what a caller gives, with defaults; other keys are not looked at.
 * @throws FlatminError INVALID_ARGUMENT naming the first option that is out of range
 */
export function checked<S extends Options>(options: S, given: object): Values<S> {
  const values = Object.entries(options).map(([name, schema]) => {
    const value = (given as Record<string, unknown>)[name] ?? aboutOf(schema).default;
    return [name, checkedValue(name, schema, value)];
  });
  return Object.fromEntries(values) as Values<S>;
}

/** @throws FlatminError INVALID_ARGUMENT naming the value, or the part of it, that the schema does not allow */
export function checkedValue<S extends z.ZodType>(name: string, schema: S, value: unknown): z.output<S> {
  const { success, error } = schema.safeParse(value);
  if (success) return value as z.output<S>;
  const { path, message } = error.issues[0]!;
  throw invalid([name, ...path].join('.'), message, at(value, path));
}

/** The part of a value that a path of keys leads to. */
export const at = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((part, key) => (part as Record<PropertyKey, unknown> | undefined)?.[key], value);
