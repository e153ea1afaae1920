import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { HubOptions } from '../../../src/hub/options.js';
import { mlp } from '../../../src/models/mlp.js';
import { encodeModel } from '../../../src/onnx/proto.js';
import { temporaryFolder } from '../data/sets.js';
import { commit, type FakeFile, FakeHub } from './fake-hub.js';

export const network = (seed: number, hidden = [64]) =>
  mlp({ classes: 3, inputShape: [1, 4, 4], hidden, seed });
export const modelFile = (seed = 0, lfs = false): FakeFile => ({ bytes: encodeModel(network(seed)), lfs });
export const other: FakeFile = { bytes: Buffer.from('not a model') };
export const HEAD = commit('a');

/** A hub with one model repository. */
export const hubOf = (t: ExecutionContext, files: Record<string, FakeFile>) =>
  FakeHub.open(t, { 'models/owner/name': { commits: { [HEAD]: files }, refs: { main: HEAD } } });

export interface Client {
  readonly cache: string;
  readonly notes: string[];
  readonly options: HubOptions & { env: NodeJS.ProcessEnv };
}

export async function client(
  t: ExecutionContext,
  endpoint: string,
  env: NodeJS.ProcessEnv = {},
): Promise<Client> {
  const cache = await temporaryFolder(t);
  const notes: string[] = [];
  const options = {
    env: { FLATMIN_CACHE: cache, HF_ENDPOINT: endpoint, ...env },
    onNote: (note: string) => void notes.push(note),
  };
  return { cache, notes, options };
}

/** Files in the cache, but for what is known of the repository. */
export async function cached(cache: string, part = ''): Promise<string[]> {
  const entries = await readdir(join(cache, part), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(cache.length + 1))
    .filter((path) => !path.endsWith('listing.json') && !path.includes('/refs/'))
    .sort();
}
