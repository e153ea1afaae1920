import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FlatminError } from '../../errors.js';

/** An event of ONNX Runtime's profile: a complete event ("ph": "X") of the Trace Event Format; times in microseconds. */
export interface ProfileEvent {
  readonly name: string;
  /** 'Session', 'Node', 'Kernel' (on a GPU) or 'Api'. */
  readonly cat: string;
  readonly ts: number;
  readonly dur: number;
  readonly args: Readonly<Record<string, unknown>>;
}

/** The profiles in a folder, in the order of their sessions. */
export async function readProfiles(folder: string): Promise<ProfileEvent[][]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
  return Promise.all(
    names.map(async (name) => parseProfile(await readFile(join(folder, name), 'utf8'), name)),
  );
}

/** @throws FlatminError INVALID_DATA where the text is no profile */
export function parseProfile(text: string, name: string): ProfileEvent[] {
  let events: unknown;
  try {
    events = JSON.parse(text);
  } catch (cause) {
    throw new FlatminError('INVALID_DATA', `${name} is no profile: ${(cause as Error).message}.`, { cause });
  }
  if (!Array.isArray(events))
    throw new FlatminError('INVALID_DATA', `${name} is no profile: expected a list of events.`);
  return events.filter(({ ph }) => ph === 'X').map(({ args = {}, ...event }) => ({ ...event, args }));
}

const RUN = 'model_run';

/** The runs of the model, in their order. */
export const profileRuns = (events: readonly ProfileEvent[]): ProfileEvent[] =>
  events.filter(({ cat, name }) => cat === 'Session' && name === RUN).sort((a, b) => a.ts - b.ts);
