import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensors } from '../../../src/formats/safetensors.js';
import { Disk } from '../disk.js';
import type { FileOperation } from '../operation.js';
import type { Random } from '../random.js';
import type { Scenario } from '../scenario.js';
import { CHECKPOINT, RUN, recorded } from '../subject.js';
import { faultsOfGoingOn } from './ending.js';

/** The power goes at any operation; sometimes again in the process that goes on. */
export const cuts: Scenario = async ({ subject, dir, random }) => {
  const faults: string[] = [];
  let { operations } = subject;
  let disk = new Disk();
  let count = 0;
  do {
    const root = join(dir, String(count));
    const step = cut(disk, operations, random, root);
    const found = await newestStep(join(root, RUN));
    if (found < step)
      faults.push(`the checkpoint of step ${step} was on the disk, and now there is that of ${found}`);
    disk = Disk.of(root);
    const again = await recorded(root, () => faultsOfGoingOn(subject, root));
    faults.push(...again.result);
    operations = again.operations;
    count++;
  } while (operations.length > 0 && count < 3 && random.between(0, 1) === 0);
  return { count, faults };
};

/** Makes `root` what may be left. @returns the step of the checkpoint that has to be */
function cut(disk: Disk, operations: readonly FileOperation[], random: Random, root: string): number {
  let [promised, written] = [0, 0];
  for (const operation of operations.slice(0, random.between(0, operations.length))) {
    disk.apply(operation);
    if (operation.kind === 'rename' && operation.to === CHECKPOINT) written = stepIn(disk.read(CHECKPOINT)!);
    if (operation.kind === 'sync folder' && operation.path === RUN) promised = written;
  }
  disk.writeAfterCut(root, random);
  return promised;
}

/** Of a checkpoint's metadata: JSON behind eight bytes of its length. */
function stepIn(checkpoint: Uint8Array): number {
  const length = Number(new DataView(checkpoint.buffer, checkpoint.byteOffset).getBigUint64(0, true));
  const header = Buffer.from(checkpoint.subarray(8, 8 + length)).toString('utf8');
  return Number(JSON.parse(header).__metadata__.step);
}

async function newestStep(dir: string): Promise<number> {
  const names = await readdir(dir).catch(() => []);
  const steps = names
    .filter((name) => /^checkpoint(-before-\d+)?\.safetensors$/.test(name))
    .map(async (name) => Number((await readSafetensors(join(dir, name))).metadata.step));
  return Math.max(0, ...(await Promise.all(steps)));
}
