import { totalmem } from 'node:os';
import { addon } from '../../addon/addon.js';
import { memoryShortage } from '../../addon/out-of-memory.js';
import type { DeviceBuffer, NativeVectorProgram } from '../../addon/types.js';
import { FlatminError } from '../../errors.js';
import { nativeCode } from '../program/native-code.js';
import type { VectorProgram } from '../program/program.js';
import { Scalar } from '../scalar.js';
import type { Device, Range, RunOptions } from './device.js';
import { orderedVectors, scalarTable } from './layout.js';

/** One form of each program for every choice of scalars that are 0 where it matters. */
const compiled = new WeakMap<VectorProgram, Map<string, NativeVectorProgram>>();

/** Scalars that a program multiplies with by timesOrZero. */
const gates = ({ compiled: { instructions } }: VectorProgram): number[] => [
  ...new Set(instructions.filter(({ op }) => op === 'MulScalarOrZero').map(({ b }) => b)),
];

function nativeProgram(program: VectorProgram, zeros: readonly number[]): NativeVectorProgram {
  const forms = compiled.get(program) ?? new Map<string, NativeVectorProgram>();
  compiled.set(program, forms);
  const key = zeros.join();
  const made =
    forms.get(key) ??
    new addon.VectorProgram(
      nativeCode(program.compiled, (scalar) => zeros.includes(scalar)),
      program.compiled.sizes,
    );
  forms.set(key, made);
  return made;
}

/** Numbers of this device are known at once. */
function numberOf(scalar: Scalar): number {
  if (scalar.known === undefined) throw new TypeError('A number of another device was given to the CPU.');
  return scalar.known;
}

const copyChunk = 1 << 20;

/** The processor: everything has happened when its promise resolves. */
export class CpuDevice implements Device {
  readonly name = 'cpu';
  readonly latency = 0;
  readonly facts = {
    queuesWork: false,
    hasOwnMemory: false,
    needsLargeWork: false,
    replansOnNewShape: false,
    hasHalfPrecision: false,
    hasTensorFloat32: false,
    capturesRuns: false,
  };
  readonly gpu = undefined;

  /** @param limit bytes that the process may take; default: what is free */
  constructor(
    readonly threads: number,
    private readonly limit?: number | undefined,
  ) {}

  allocate(byteLength: number): DeviceBuffer {
    try {
      return new addon.DeviceBuffer(byteLength);
    } catch (cause) {
      if (!memoryShortage((cause as Error).message)) throw cause;
      throw new FlatminError(
        'OUT_OF_MEMORY',
        `There is not enough memory for another ${Math.ceil(byteLength / 2 ** 20)} MiB: choose a smaller batch or model.`,
        { cause },
      );
    }
  }

  async run(
    program: VectorProgram,
    vectors: Readonly<Record<string, DeviceBuffer>>,
    ranges: readonly Range[],
    { when }: RunOptions = {},
  ): Promise<Scalar[]> {
    const slots = orderedVectors(program, vectors);
    const { rows, rowOf } = scalarTable(program, ranges);
    const values = rows.map((row) => row.map(numberOf));
    const { accumulators } = program.compiled.sizes;
    if (when && !Number.isFinite(numberOf(when))) return Array(accumulators).fill(Scalar.of(Number.NaN));

    const table = Float32Array.from(values.flat());
    const gated = gates(program);
    const parts = new Map<NativeVectorProgram, number[]>();
    ranges.forEach(({ first, count }, index) => {
      const row = rowOf[index]!;
      const zeros = gated.filter((scalar) => Math.fround(values[row]![scalar]!) === 0);
      const native = nativeProgram(program, zeros);
      const part = parts.get(native) ?? [];
      parts.set(native, part);
      part.push(first, count, row);
    });
    const totals: number[] = Array(accumulators).fill(0);
    for (const [native, part] of parts) {
      const sums = await native.run(slots, Float64Array.from(part), table, this.threads);
      for (const [index, sum] of sums.entries()) totals[index]! += sum;
    }
    return totals.map(Scalar.of);
  }

  async fillNormal(
    target: DeviceBuffer,
    ranges: readonly { readonly first: number; readonly count: number }[],
    seed: number,
    stream: number,
  ): Promise<Scalar> {
    const flat = Float64Array.from(ranges.flatMap(({ first, count }) => [first, count]));
    return Scalar.of(await addon.fillNormal(target, flat, BigInt(seed), BigInt(stream), this.threads));
  }

  async element(buffer: DeviceBuffer): Promise<Scalar> {
    const value = new Float32Array(1);
    buffer.read(value);
    return Scalar.of(value[0]!);
  }

  async copy(source: DeviceBuffer, target: DeviceBuffer): Promise<void> {
    if (source.byteLength !== target.byteLength)
      throw new RangeError(`Cannot copy ${source.byteLength} bytes to ${target.byteLength}.`);
    for (let first = 0; first < source.byteLength; first += copyChunk) {
      const chunk = new Uint8Array(Math.min(copyChunk, source.byteLength - first));
      source.read(chunk, first);
      target.write(chunk, first);
    }
  }

  async upload(target: DeviceBuffer, data: ArrayBufferView): Promise<void> {
    target.write(data);
  }

  /** Of the machine, or of the control group that the process is in; the free part within the limit. */
  memory(): { free: number; total: number } {
    const left = this.limit === undefined ? Infinity : this.limit - process.memoryUsage.rss();
    return {
      free: Math.max(0, Math.min(process.availableMemory(), left)),
      total: Math.min(totalmem(), process.constrainedMemory() || Infinity),
    };
  }

  async synchronize(): Promise<void> {}
}
