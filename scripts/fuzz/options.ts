import { parseArgs } from 'node:util';
import type { Kind } from './kind.js';

export interface FuzzOptions {
  /** All cases are drawn from it, the kind and their index. */
  readonly seed: number;
  /** Index of the first case of each kind. */
  readonly first: number;
  /** Processes that run cases. */
  readonly workers: number;
  /** Of all kinds together; each has its share. */
  readonly minutes: number;
  /** Folder of what failed. */
  readonly out: string;
  readonly corpus: readonly string[];
  /** Cases by kind. Where any kind is named, those that are not have none. */
  readonly counts: Readonly<Record<string, number>>;
}

const text = { type: 'string' } as const;

/** @throws TypeError for an option that there is not, Error for a number that is none */
export function readOptions(args: readonly string[], kinds: readonly Kind[]): FuzzOptions | 'help' {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      seed: text,
      first: text,
      workers: text,
      minutes: text,
      out: text,
      ...Object.fromEntries(kinds.map(({ name }) => [name, text])),
    },
  });
  const given = values as Readonly<Record<string, string | undefined>>;
  if (values.help) return 'help';
  const number = (name: string, fallback: number) => {
    const found = Number(given[name] ?? fallback);
    if (!(found >= 0)) throw new Error(`Expected --${name} to be a number ≥ 0, but received ${given[name]}.`);
    return found;
  };
  const isNamed = kinds.some(({ name }) => given[name] !== undefined);
  return {
    seed: number('seed', 1),
    first: number('first', 0),
    workers: number('workers', 1),
    minutes: number('minutes', Infinity),
    out: given.out ?? 'runs/fuzz',
    corpus: positionals,
    counts: Object.fromEntries(kinds.map(({ name, count }) => [name, number(name, isNamed ? 0 : count)])),
  };
}

export const help = (kinds: readonly Kind[]): string =>
  [
    'npm run fuzz -- [OPTIONS] [MODEL or FOLDER of models to mutate beside those of the repository]',
    '',
    ...kinds.map(({ name, about, count }) => `${`  --${name} N`.padEnd(18)}${about} (${count})`),
    '  --seed N        what all cases are drawn from (1)',
    '  --first N       index of the first case of each kind (0)',
    '  --minutes N     ends each kind at its share of this time',
    '  --workers N     processes at a time (1)',
    '  --out FOLDER    where cases that fail are kept (runs/fuzz)',
    '',
    'Kinds that are not named are left out, once one is. The exit code is 1 where a case failed.',
  ].join('\n');
