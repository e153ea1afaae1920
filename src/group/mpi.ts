import { addon } from '../addon/addon.js';
import type { DeviceBuffer, NativeMpi } from '../addon/types.js';
import { FlatminError } from '../errors.js';
import type { Communicator } from './communicator.js';

/** MPI's world. */
export class MpiGroup implements Communicator {
  readonly kind = 'mpi';
  readonly rank: number;
  readonly size: number;
  readonly localRank: number;

  private constructor(private readonly native: NativeMpi) {
    ({ rank: this.rank, size: this.size, localRank: this.localRank } = native.join());
  }

  /** @param path of the library; '' is what is loaded already. @throws FlatminError RUNTIME */
  static join(path: string): MpiGroup {
    return said(() => new MpiGroup(addon.openMpi(path)));
  }

  sum(vector: DeviceBuffer, type: 'float32' | 'float64' = 'float32'): Promise<void> {
    return this.talk(this.native.sum(vector, type));
  }

  broadcast(vector: DeviceBuffer, root = 0): Promise<void> {
    return this.talk(this.native.broadcast(vector, root));
  }

  barrier(): Promise<void> {
    return this.talk(this.native.barrier());
  }

  abort(code = 1): void {
    said(() => this.native.abort(code));
  }

  /** Ends MPI in this process, once no rank has anything to say any more. */
  leave(): void {
    said(() => this.native.leave());
  }

  private async talk(talking: Promise<void>): Promise<void> {
    try {
      await talking;
    } catch (cause) {
      throw asFlatmin(cause);
    }
  }
}

/** Whether an MPI library is loaded already, as by LD_PRELOAD. */
export function isMpiLoaded(): boolean {
  try {
    addon.openMpi('');
    return true;
  } catch {
    return false;
  }
}

/** What the loaded library says of itself. @throws FlatminError RUNTIME where it cannot be loaded */
export function describeMpi(path: string): { abi: string; version: string } {
  return said(() => {
    const { abi, version } = addon.openMpi(path);
    return { abi, version: version.split(/[\n,]/)[0]!.replace(/\s+/g, ' ').trim() };
  });
}

function said<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw asFlatmin(cause);
  }
}

const asFlatmin = (cause: unknown): unknown =>
  cause instanceof TypeError || cause instanceof RangeError
    ? cause
    : new FlatminError('RUNTIME', (cause as Error).message, { cause });
