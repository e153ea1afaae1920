import { memoryShortage } from '../../../addon/out-of-memory.js';
import type { DeviceBuffer, NativeCudaDevice } from '../../../addon/types.js';
import { FlatminError } from '../../../errors.js';
import type { VectorProgram } from '../../program/program.js';
import { Scalar } from '../../scalar.js';
import type { Device, DeviceFacts, Gpu, Range, RunOptions } from '../device.js';
import { orderedVectors, scalarTable } from '../layout.js';
import { type CudaCell, cellScalar } from './cells.js';
import { BLOCK_THREADS, normalsSource, programSource } from './kernel-source.js';
import { numberCode, numberTable } from './number-code.js';
import { CudaQueue, u32, u64 } from './queue.js';
import { cutIntoTiles } from './ranges.js';

export interface CudaOptions {
  /** Of work on the CPU. */
  threads: number;
  /** Bytes of the GPU that may be taken; default: what is free. */
  memory?: number | undefined;
  /** Whether products of float32 may be computed from operands with 10 bits of mantissa. Default false. */
  tf32?: boolean | undefined;
  /** Whether runs may be captured as CUDA graphs: they have the GPU to themselves then. Default false. */
  cudaGraphs?: boolean | undefined;
}

/** A GPU. Its work is queued on one stream, which sessions share; the host waits for numbers that it asks for, and for nothing else. */
export class CudaDevice implements Device {
  readonly name: string;
  readonly threads: number;
  readonly latency = 2;
  readonly facts: DeviceFacts;
  readonly gpu: Gpu;
  private readonly queue: CudaQueue;
  private readonly limit: number | undefined;
  private readonly sources = new WeakMap<VectorProgram, Map<number, string>>();
  /** Cells of the numbers that are computed ahead of programs. */
  private readonly shortened = new WeakMap<Scalar, CudaCell>();

  constructor(
    private readonly native: NativeCudaDevice,
    ordinal: number,
    { threads, memory, tf32 = false, cudaGraphs = false }: CudaOptions,
  ) {
    this.name = `cuda:${ordinal}`;
    this.threads = threads;
    this.limit = memory;
    this.gpu = { ordinal, native, tf32 };
    this.facts = {
      queuesWork: true,
      hasOwnMemory: true,
      needsLargeWork: true,
      replansOnNewShape: true,
      hasHalfPrecision: true,
      hasTensorFloat32: true,
      capturesRuns: cudaGraphs,
    };
    this.queue = new CudaQueue(native);
  }

  allocate(byteLength: number): DeviceBuffer {
    try {
      return this.native.allocate(byteLength);
    } catch (cause) {
      if (!memoryShortage((cause as Error).message)) throw cause;
      const { free, total } = this.memory();
      throw new FlatminError(
        'OUT_OF_MEMORY',
        `The memory of ${this.name} is too small: another ${mebibytes(byteLength)} were asked for, and ${mebibytes(free)} of ${mebibytes(total)} are free. Choose a smaller batch or model, or end other programs on the GPU.`,
        { cause },
      );
    }
  }

  memory(): { free: number; total: number } {
    const { free, total } = this.native.memory();
    const left = (this.limit ?? total) - (total - free);
    return { free: Math.max(0, Math.min(free, left)), total };
  }

  run(
    program: VectorProgram,
    vectors: Readonly<Record<string, DeviceBuffer>>,
    ranges: readonly Range[],
    { when }: RunOptions = {},
  ): Promise<Scalar[]> {
    return this.queue.enqueue(async () => {
      const { accumulators: sums } = program.compiled.sizes;
      const slots = orderedVectors(program, vectors);
      const { rows, rowOf } = scalarTable(program, ranges);
      const cut = cutIntoTiles(ranges, slots, (index) => rowOf[index]!);
      if (cut.tiles === 0) return Array(sums).fill(Scalar.of(0));
      const numbers = [...rows.flat(), when ?? Scalar.of(0)];
      const kernel = await this.queue.module(this.sourceOf(program, numbers.length - 1));
      const codes = await this.codesOf(numbers);
      const table = await this.queue.launchTable(cut.table, numberTable(codes));
      const blocks = Math.min(cut.tiles, this.queue.mostBlocks);
      kernel.launch('vector_program', blocks, BLOCK_THREADS, [
        table,
        u32(cut.ranges),
        u32(numbers.length),
        u32(cut.tiles),
        this.queue.cells.memory,
        this.queue.partialSums(sums),
        ...slots,
      ]);
      return this.queue.finish(blocks, sums);
    });
  }

  fillNormal(
    target: DeviceBuffer,
    ranges: readonly { readonly first: number; readonly count: number }[],
    seed: number,
    stream: number,
  ): Promise<Scalar> {
    return this.queue.enqueue(async () => {
      const cut = cutIntoTiles(ranges, [target]);
      if (cut.tiles === 0) return Scalar.of(0);
      const kernel = await this.queue.module(normalsSource());
      const table = await this.queue.launchTable(cut.table, []);
      const blocks = Math.min(cut.tiles, this.queue.mostBlocks);
      kernel.launch('fill_normal', blocks, BLOCK_THREADS, [
        table,
        u32(cut.ranges),
        u32(cut.tiles),
        this.queue.partialSums(1),
        target,
        u64(BigInt(seed)),
        u64(BigInt(stream)),
      ]);
      return (await this.queue.finish(blocks, 1))[0]!;
    });
  }

  element(buffer: DeviceBuffer): Promise<Scalar> {
    return this.queue.enqueue(async () => {
      const helpers = await this.queue.helpers();
      const { cells } = this.queue;
      const [cell] = cells.take(1);
      helpers.launch('store_element', 1, 1, [buffer, cells.memory, u32(cells.indexOf(cell!))]);
      return cellScalar(cell!);
    });
  }

  copy(source: DeviceBuffer, target: DeviceBuffer): Promise<void> {
    return this.queue.enqueue(() => this.native.copy(source, target));
  }

  upload(target: DeviceBuffer, data: ArrayBufferView): Promise<void> {
    return this.queue.enqueue(() => this.queue.stage(target, data));
  }

  synchronize(): Promise<void> {
    return this.queue.enqueue(() => this.native.synchronize());
  }

  /** @param numbers of all rows of its scalars */
  private sourceOf(program: VectorProgram, numbers: number): string {
    // In few sizes, so that other numbers of parameter groups need few other kernels.
    const room = [64, 512, 4096].find((size) => size >= numbers);
    if (room === undefined)
      throw new FlatminError(
        'INVALID_ARGUMENT',
        `The parameter groups have ${numbers} numbers of their own, and a program of a GPU takes 4096: use fewer groups.`,
      );
    const known = this.sources.get(program) ?? new Map<number, string>();
    const source = known.get(room) ?? programSource(program.compiled, room);
    this.sources.set(program, known.set(room, source));
    return source;
  }

  /** The code of numbers; what is too long for every block to compute is computed ahead. */
  private async codesOf(numbers: readonly Scalar[]): Promise<(readonly number[])[]> {
    const { cells } = this.queue;
    const ahead: { cell: CudaCell; code: readonly number[] }[] = [];
    const shorten = (number: Scalar, code: readonly number[]): CudaCell => {
      const cell = this.shortened.get(number) ?? cells.take(1)[0]!;
      if (!this.shortened.has(number)) ahead.push({ cell, code });
      this.shortened.set(number, cell);
      return cell;
    };
    const codes = numbers.map((number) => numberCode(number, (cell) => cells.indexOf(cell), shorten).code);
    const helpers = await this.queue.helpers();
    for (const { cell, code } of ahead) {
      const table = await this.queue.launchTable(NO_RANGES, numberTable([code]));
      helpers.launch('store_number', 1, 1, [table, cells.memory, u32(cells.indexOf(cell))]);
    }
    return codes;
  }
}

const NO_RANGES = new Uint32Array();

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
