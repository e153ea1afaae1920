import type {
  DeviceBuffer,
  KernelArgument,
  NativeCudaDevice,
  NativeCudaModule,
} from '../../../addon/types.js';
import { FlatminError } from '../../../errors.js';
import type { Scalar } from '../../scalar.js';
import { CellRing, cellScalar } from './cells.js';
import { BLOCK_THREADS, BLOCKS_PER_MULTIPROCESSOR, numbersSource } from './kernel-source.js';
import { PinnedRing } from './pinned-ring.js';

const SMALLEST_TABLE = 1 << 16;
const CELLS = 8192;

/** By their sources. */
const modulesOf = new WeakMap<NativeCudaDevice, Map<string, Promise<NativeCudaModule>>>();

export const u32 = (value: number): KernelArgument => ({ type: 'u32', value });
export const u64 = (value: number | bigint): KernelArgument => ({ type: 'u64', value });

/** The work of a GPU in the order it was asked for, and the memory that this takes beside the vectors. */
export class CudaQueue {
  readonly cells: CellRing;
  /** Of a launch. */
  readonly mostBlocks: number;
  private readonly pinned: PinnedRing;
  private readonly modules: Map<string, Promise<NativeCudaModule>>;
  private partials: DeviceBuffer | undefined;
  private table: DeviceBuffer | undefined;
  private tail: Promise<unknown> = Promise.resolve();

  constructor(readonly native: NativeCudaDevice) {
    this.cells = new CellRing(native, (task) => this.enqueue(task), CELLS);
    this.pinned = new PinnedRing(native);
    this.modules = modulesOf.get(native) ?? new Map<string, Promise<NativeCudaModule>>();
    modulesOf.set(native, this.modules);
    this.mostBlocks = native.multiprocessors * BLOCKS_PER_MULTIPROCESSOR;
  }

  /** Runs a task when those before it have queued their work, whether or not they could. */
  enqueue<T>(task: () => Promise<T> | T): Promise<T> {
    const result = this.tail.then(task);
    this.tail = result.catch(() => {});
    return result;
  }

  /** Compiled once for each source. @throws FlatminError RUNTIME with the compiler's log */
  module(source: string): Promise<NativeCudaModule> {
    const module =
      this.modules.get(source) ??
      this.native.compile(source).catch((cause: Error) => {
        throw new FlatminError('RUNTIME', `A kernel cannot be compiled for the GPU: ${cause.message}`, {
          cause,
        });
      });
    this.modules.set(source, module);
    return module;
  }

  /** Inside a task: host data into the beginning of a buffer, through page-locked memory. */
  async stage(target: DeviceBuffer, data: ArrayBufferView): Promise<void> {
    if (data.byteLength > target.byteLength)
      throw new RangeError(`${data.byteLength} bytes do not fit a buffer of ${target.byteLength}.`);
    if (data.byteLength === 0) return;
    const source = await this.pinned.take(data.byteLength);
    source.write(data);
    const part = target.view(0, data.byteLength);
    this.native.copy(source, part);
    source.dispose();
    part.dispose();
  }

  /** Inside a task: ranges and numbers for the next launch. The stream keeps the order, so all launches have them in one place. */
  async launchTable(ranges: Uint32Array, numbers: readonly number[]): Promise<DeviceBuffer> {
    const data = new Uint8Array(ranges.byteLength + 8 * numbers.length);
    data.set(new Uint8Array(ranges.buffer, ranges.byteOffset, ranges.byteLength));
    new Float64Array(data.buffer, ranges.byteLength).set(numbers);
    if (!this.table || this.table.byteLength < data.byteLength)
      this.table = this.native.allocate(Math.max(SMALLEST_TABLE, 2 * data.byteLength));
    await this.stage(this.table, data);
    return this.table;
  }

  /** Where the blocks of the next launch leave their sums. */
  partialSums(sums: number): DeviceBuffer {
    const bytes = 8 * this.mostBlocks * Math.max(1, sums);
    if (!this.partials || this.partials.byteLength < bytes) this.partials = this.native.allocate(bytes);
    return this.partials;
  }

  /** Inside a task: the totals of the blocks' sums. */
  async finish(blocks: number, sums: number): Promise<Scalar[]> {
    if (sums === 0) return [];
    const helpers = await this.helpers();
    const cells = this.cells.take(sums);
    const first = u32(this.cells.indexOf(cells[0]!));
    helpers.launch('finish', 1, BLOCK_THREADS, [
      this.partialSums(sums),
      u32(blocks),
      u32(sums),
      this.cells.memory,
      first,
    ]);
    return cells.map(cellScalar);
  }

  /** Kernels of single numbers. */
  helpers(): Promise<NativeCudaModule> {
    return this.module(numbersSource());
  }
}
