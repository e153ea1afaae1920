import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { RUN_FILES } from '../../src/formats/run/files.js';
import { readSafetensors } from '../../src/formats/safetensors.js';
import { readSummary } from '../../src/run/summary.js';

/** What a finished run came to, without what depends on time. */
export interface Outcome {
  readonly names: readonly string[];
  readonly model: Buffer;
  readonly metrics: Buffer;
  readonly tensors: ReadonlyMap<string, unknown>;
  readonly summary: object;
}

export async function readOutcome(dir: string): Promise<Outcome> {
  const summary = await readSummary(join(dir, RUN_FILES.summary));
  if (!summary) throw new Error(`${dir} is not finished`);
  const { secondsPerStep: _, imagesPerSecond: __, peakRssBytes: ___, out: ____, ...lasting } = summary;
  return {
    names: (await readdir(dir)).filter((name) => name !== RUN_FILES.lock).sort(),
    model: await readFile(join(dir, RUN_FILES.model)),
    metrics: await readFile(join(dir, RUN_FILES.metrics)),
    tensors: (await readSafetensors(join(dir, RUN_FILES.checkpoint))).tensors,
    summary: lasting,
  };
}

/** The parts of an outcome that are not as expected. */
export function differences(
  found: Outcome,
  expected: Outcome,
  parts = Object.keys(expected) as (keyof Outcome)[],
): string[] {
  return parts
    .filter((part) => !isDeepStrictEqual(found[part], expected[part]))
    .map((part) =>
      part === 'names'
        ? `files: ${found.names.filter((name) => !expected.names.includes(name))} too many`
        : part,
    );
}

/** Whether there is a run to go on with. */
export const hasRun = (dir: string): boolean => existsSync(join(dir, RUN_FILES.config));
