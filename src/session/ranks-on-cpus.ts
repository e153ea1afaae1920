import { FlatminError } from '../errors.js';
import type { Communicator } from '../group/communicator.js';
import type { Device } from '../vectors/device/device.js';

/** @throws FlatminError INVALID_ARGUMENT where several ranks would share work on a device whose memory sums over ranks do not reach */
export function assertRanksOnCpus(group: Communicator | undefined, device: Device | undefined): void {
  if (!group || group.size === 1 || !device?.facts.hasOwnMemory) return;
  throw new FlatminError(
    'INVALID_ARGUMENT',
    `${group.size} ranks work together on CPUs alone, and this one is to work on ${device.name}: take --device cpu, or one process.`,
  );
}
