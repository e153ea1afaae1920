import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FlatminError } from '../../../src/errors.js';
import { RUN_FILES } from '../../../src/formats/run/files.js';
import { verify } from '../../../src/run/verify/verify.js';
import { Disk } from '../disk.js';
import { differences, readOutcome } from '../outcome.js';
import type { Scenario } from '../scenario.js';
import { finish, RUN, type Subject } from '../subject.js';

/** Flips of one folder: it is made once for them. */
const FLIPS = 10;
/** Of the flips that verify finds, one in so many is gone on with as well. */
const GONE_ON = 5;

/** Single bits of the files of a run, finished or killed somewhere. */
export const flips: Scenario = async ({ subject, dir, random }) => {
  const { operations } = subject;
  const done = random.of([operations.length, random.between(0, operations.length)]);
  const disk = new Disk();
  for (const operation of operations.slice(0, done)) disk.apply(operation);
  const root = join(dir, 'root');
  disk.writeAll(root);
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => {
    const found = statSync(join(root, name));
    return found.isFile() && found.size > 0;
  });
  const faults: string[] = [];
  if (files.length === 0) return { count: 0, faults };
  for (let k = 0; k < FLIPS; k++) {
    const name = random.of(files);
    const path = join(root, name);
    const before = readFileSync(path);
    const bit = random.between(0, 8 * before.length - 1);
    const after = Buffer.from(before);
    after[bit >> 3]! ^= 1 << (bit & 7);
    writeFileSync(path, after);
    const noticed = await isNoticed(join(root, RUN), path);
    writeFileSync(path, before);
    if (noticed && random.between(1, GONE_ON) > 1) continue;
    const copy = join(dir, String(k));
    mkdirSync(copy);
    disk.writeAll(copy);
    writeFileSync(join(copy, name), after);
    faults.push(...(await faultsOfDamage(subject, copy)).map((fault) => `bit ${bit} of ${name}: ${fault}`));
  }
  return { count: FLIPS, faults };
};

async function isNoticed(out: string, path: string): Promise<boolean> {
  for await (const finding of verify(out))
    if (finding.state === 'damaged' && finding.path === path) return true;
  return false;
}

/** Refused by name, or with the right weights; and told where anything else is not as it should be. */
async function faultsOfDamage({ run, expected }: Subject, root: string): Promise<string[]> {
  const out = join(root, RUN);
  const isFinished = existsSync(join(out, RUN_FILES.summary));
  let warnings: string[];
  try {
    warnings = await finish(run, out);
  } catch (error) {
    return error instanceof FlatminError ? [] : [`fails, not refused: ${(error as Error).stack}`];
  }
  // Of a finished run resuming looks at the model alone.
  if (isFinished)
    return readFileSync(join(out, RUN_FILES.model)).equals(expected.model) ? [] : ['other model'];
  const found = await readOutcome(out);
  const wrong = differences(found, expected, ['model', 'tensors']).map((part) => `other ${part}`);
  const other = differences(found, expected, ['metrics', 'summary']);
  return warnings.length === 0 ? [...wrong, ...other.map((part) => `other ${part} without a word`)] : wrong;
}
