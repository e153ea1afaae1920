import { Gate } from './gate.js';

/** Files of which a note says that they are left out. */
const MOST_NAMED = 5;
const CHECKED_AT_ONCE = 8;

/** Those files that cannot be read, and why, in their order. @param problemOf why one cannot; undefined where it can */
export async function damagedFiles(
  paths: readonly string[],
  problemOf: (path: string) => Promise<string | undefined>,
): Promise<Map<string, string>> {
  const gate = new Gate(CHECKED_AT_ONCE);
  const problems = await Promise.all(paths.map((path) => gate.run(() => problemOf(path))));
  return new Map(
    paths.flatMap((path, at) => {
      const problem = problems[at];
      return problem === undefined ? [] : [[path, problem]];
    }),
  );
}

/** That they are left out, with the first of them. */
export function damagedNote(damaged: ReadonlyMap<string, string>): string {
  const named = [...damaged].slice(0, MOST_NAMED).map(([path, problem]) => `${path} (${problem})`);
  const rest = damaged.size > MOST_NAMED ? `; and ${damaged.size - MOST_NAMED} more` : '';
  return `Left out: ${damaged.size} file${damaged.size === 1 ? '' : 's'} that cannot be read, ${named.join('; ')}${rest}.`;
}

/** What to do about a file that cannot be decoded when it is needed. @param what it is of: 'the file' */
export const mendOf = (onDamaged: 'refuse' | 'skip', what: string): string =>
  onDamaged === 'skip'
    ? `Its header is whole: mend or remove ${what}.`
    : `Mend or remove ${what}, or have damaged ones left out: --on-damaged skip.`;
