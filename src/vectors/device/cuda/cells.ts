import type { DeviceBuffer, NativeCudaDevice } from '../../../addon/types.js';
import { type Cell, Scalar } from '../../scalar.js';

const BYTES = 8;

/** A float64 on the GPU. */
export class CudaCell implements Cell {
  /** @param serial how many cells were taken before it */
  constructor(
    readonly ring: CellRing,
    readonly serial: number,
  ) {}

  load(): Promise<number> {
    return this.ring.load(this);
  }
}

/** Cells in a ring: each is used again after `length` others. */
export class CellRing {
  readonly memory: DeviceBuffer;
  private next = 0;
  /** Cells that the copy which is queued but not made yet will bring. */
  private asked: { cells: CudaCell[]; values: Promise<Float64Array> } | undefined;
  /** Page-locked copies of the ring that nobody is reading. */
  private readonly mirrors: DeviceBuffer[] = [];

  /** @param enqueue runs a task behind all that the device was asked for before */
  constructor(
    private readonly native: NativeCudaDevice,
    private readonly enqueue: <T>(task: () => Promise<T> | T) => Promise<T>,
    readonly length: number,
  ) {
    this.memory = native.allocate(length * BYTES);
  }

  /** Cells that follow one another in memory. */
  take(count: number): CudaCell[] {
    const left = this.length - (this.next % this.length);
    if (count > left) this.next += left;
    return Array.from({ length: count }, () => new CudaCell(this, this.next++));
  }

  /** Where a cell is in the ring. @throws Error when its place has another number by now */
  indexOf({ ring, serial }: CudaCell): number {
    if (ring !== this) throw new TypeError('A number of another device was given to this one.');
    if (serial < this.next - this.length)
      throw new RangeError(
        `A number was asked for after ${this.length} others: ask for it when it is computed.`,
      );
    return serial % this.length;
  }

  /** Those asked for at one time come with one copy. The GPU does not wait for it. */
  async load(cell: CudaCell): Promise<number> {
    if (!this.asked) {
      const cells: CudaCell[] = [];
      this.asked = { cells, values: this.enqueue(() => this.copy(cells)).then((copied) => copied()) };
    }
    const { cells, values } = this.asked;
    cells.push(cell);
    return (await values)[cell.serial % this.length]!;
  }

  /** Queues a copy of the part of the ring that has the cells; the result waits for it. */
  private copy(cells: readonly CudaCell[]): () => Promise<Float64Array> {
    this.asked = undefined;
    const places = cells.map((cell) => this.indexOf(cell));
    const first = Math.min(...places);
    const bytes = (Math.max(...places) + 1 - first) * BYTES;
    const mirror = this.mirrors.pop() ?? this.native.allocatePinned(this.length * BYTES);
    const [source, target] = [this.memory.view(first * BYTES, bytes), mirror.view(0, bytes)];
    this.native.copy(source, target);
    const event = this.native.record();
    source.dispose();
    target.dispose();
    return async () => {
      await event.wait();
      const values = new Float64Array(this.length);
      mirror.read(values.subarray(first, first + bytes / BYTES));
      this.mirrors.push(mirror);
      return values;
    };
  }
}

export const cellScalar = (cell: CudaCell): Scalar => new Scalar({ kind: 'cell', cell });
