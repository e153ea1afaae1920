import type { Device, Range } from '../../vectors/device/device.js';
import type { VectorProgram } from '../../vectors/program/program.js';
import { type Spans, VECTORS } from './spans.js';

/** Bytes that a program reads and writes: every vector is loaded once at most. */
function programBytes({ compiled }: VectorProgram, ranges: readonly Range[]): number {
  const passes = compiled.instructions.filter(({ op }) => op === 'Load' || op === 'Store').length;
  return 4 * passes * ranges.reduce((sum, { count }) => sum + count, 0);
}

/** Floating-point operations of a program, one for each element and instruction that computes. */
function programFlop({ compiled }: VectorProgram, ranges: readonly Range[]): number {
  const idle = ['Load', 'Store', 'FillScalar'];
  const computed = compiled.instructions.filter(({ op }) => !idle.includes(op));
  const perElement = computed.reduce((sum, { op }) => sum + (op === 'SumSquares' ? 2 : 1), 0);
  return perElement * ranges.reduce((sum, { count }) => sum + count, 0);
}

/** A device that keeps when vectors were worked on and batches moved. It captures no runs: a profile is of kernels that are called. */
export function tracedDevice(device: Device, spans: Spans): Device {
  const traced: Partial<Device> = {
    facts: { ...device.facts, capturesRuns: false },
    run: (program, vectors, ranges, options) =>
      spans.around(VECTORS, () => device.run(program, vectors, ranges, options), {
        vectors: program.compiled.vectors.join(', '),
        bytes: programBytes(program, ranges),
        flop: programFlop(program, ranges),
      }),
    fillNormal: (target, ranges, seed, stream) =>
      spans.around('normal numbers', () => device.fillNormal(target, ranges, seed, stream), {
        bytes: 4 * ranges.reduce((sum, { count }) => sum + count, 0),
      }),
    copy: (source, target) =>
      spans.around('copy', () => device.copy(source, target), { bytes: 2 * source.byteLength }),
    upload: (target, data) =>
      spans.around('upload', () => device.upload(target, data), { bytes: data.byteLength }),
  };
  return new Proxy(device, {
    get(_, name) {
      const own = traced[name as keyof Device];
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(device, name, device);
      return typeof value === 'function' ? value.bind(device) : value;
    },
  });
}
