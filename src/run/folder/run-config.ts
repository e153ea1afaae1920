import { isDeepStrictEqual } from 'node:util';
import { FlatminError } from '../../errors.js';

/** What a run is made of; saved as JSON, so undefined and NaN are not told from absent and null. */
export type RunConfig = Readonly<Record<string, unknown>>;

/** Parts of a run's config that are no settings: how it is executed, which run it is, how the user named what the settings name, and which files. */
const NO_SETTINGS = ['execution', 'run', 'asked', 'dataFiles'];

/**
 * Checks that a run is resumed with the settings it began with.
 * @param ignoredKeys settings that may differ: "threads", or "data.folder" for a nested one.
 * @throws FlatminError INVALID_ARGUMENT that lists each differing key with both values.
 */
export function assertSameConfig(
  saved: RunConfig,
  now: RunConfig,
  ignoredKeys: readonly string[] = [],
): void {
  const differences = [...differingKeys(asJson(saved), asJson(now), '')].filter(
    ({ key }) =>
      ![...NO_SETTINGS, ...ignoredKeys].some((ignored) => key === ignored || key.startsWith(`${ignored}.`)),
  );
  if (differences.length === 0) return;
  const lines = differences.map(
    ({ key, before, after }) => `\n  ${key}: was ${show(before)}, is ${show(after)}`,
  );
  throw new FlatminError(
    'INVALID_ARGUMENT',
    `Cannot resume with other settings than the run began with:${lines.join('')}\nUse the same, or another --out.`,
  );
}

interface Difference {
  key: string;
  before: unknown;
  after: unknown;
}

function* differingKeys(before: unknown, after: unknown, key: string): Generator<Difference> {
  if (isObject(before) && isObject(after)) {
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      yield* differingKeys(before[name], after[name], key === '' ? name : `${key}.${name}`);
    }
  } else if (!isDeepStrictEqual(before, after)) {
    yield { key, before, after };
  }
}

function asJson(config: RunConfig): unknown {
  return JSON.parse(JSON.stringify(config));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  return value === undefined ? 'absent' : JSON.stringify(value);
}
