import type { DeviceBuffer } from '../../../src/addon/types.js';
import { CpuDevice } from '../../../src/vectors/device/cpu.js';
import type { Device, Range, RunOptions } from '../../../src/vectors/device/device.js';
import type { VectorProgram } from '../../../src/vectors/program/program.js';
import { type Cell, Scalar } from '../../../src/vectors/scalar.js';

/**
 * The CPU behaving like a GPU: it knows each number at once, and tells nobody before the reader has waited for a turn of the event loop. What
 * is computed from numbers that are not known is what a GPU computes.
 */
export class LateDevice implements Device {
  readonly name = 'cpu';
  readonly latency = 1;
  readonly gpu = undefined;
  /** Numbers read so far. */
  reads = 0;
  private isComputing = false;
  private readonly cpu: CpuDevice;

  constructor(readonly threads: number) {
    this.cpu = new CpuDevice(threads);
  }

  get facts(): Device['facts'] {
    return this.cpu.facts;
  }

  allocate(byteLength: number): DeviceBuffer {
    return this.cpu.allocate(byteLength);
  }

  async run(
    program: VectorProgram,
    vectors: Readonly<Record<string, DeviceBuffer>>,
    ranges: readonly Range[],
    { when }: RunOptions = {},
  ): Promise<Scalar[]> {
    const rows = new Map<Range['scalars'], Range['scalars']>();
    for (const { scalars } of ranges) if (!rows.has(scalars)) rows.set(scalars, await this.knownRow(scalars));
    const known = ranges.map((range) => ({ ...range, scalars: rows.get(range.scalars)! }));
    const options = when === undefined ? {} : { when: Scalar.of(await this.valueOf(when)) };
    return (await this.cpu.run(program, vectors, known, options)).map((sum) => this.hide(sum));
  }

  async fillNormal(...args: Parameters<CpuDevice['fillNormal']>): Promise<Scalar> {
    return this.hide(await this.cpu.fillNormal(...args));
  }

  async element(buffer: DeviceBuffer): Promise<Scalar> {
    return this.hide(await this.cpu.element(buffer));
  }

  copy(source: DeviceBuffer, target: DeviceBuffer): Promise<void> {
    return this.cpu.copy(source, target);
  }

  upload(target: DeviceBuffer, data: ArrayBufferView): Promise<void> {
    return this.cpu.upload(target, data);
  }

  memory(): ReturnType<Device['memory']> {
    return this.cpu.memory();
  }

  synchronize(): Promise<void> {
    return this.cpu.synchronize();
  }

  private hide(scalar: Scalar): Scalar {
    const value = scalar.known!;
    const cell: Cell = {
      load: async () => {
        if (this.isComputing) return value;
        this.reads++;
        await new Promise((resolve) => setImmediate(resolve));
        return value;
      },
    };
    return new Scalar({ kind: 'cell', cell });
  }

  private async knownRow(scalars: Range['scalars']): Promise<Range['scalars']> {
    const row: Record<string, number> = {};
    for (const [name, value] of Object.entries(scalars)) row[name] = await this.valueOf(Scalar.of(value));
    return row;
  }

  /** What the device itself knows at once. */
  private async valueOf(scalar: Scalar): Promise<number> {
    this.isComputing = true;
    const value = scalar.read();
    this.isComputing = false;
    return value;
  }
}
