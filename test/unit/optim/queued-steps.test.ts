import type { DeviceBuffer, NativeCudaDevice } from '../../../src/addon/types.js';
import type { Problem } from '../../../src/optim/optimizer.js';
import { settleReport } from '../../../src/optim/optimizer.js';
import { CudaDevice } from '../../../src/vectors/device/cuda/cuda-device.js';
import type { Device } from '../../../src/vectors/device/device.js';
import { ParameterSpace, type Vector } from '../../../src/vectors/parameter-space.js';
import { assign, scalar, sum, vector } from '../../../src/vectors/program/expression.js';
import { program } from '../../../src/vectors/program/program.js';
import { emulatedTest } from '../../emulator/device.js';
import { emulate } from '../../emulator/emulator.js';
import { everyOptimizer } from './every-optimizer.js';

const [w, c, g, half] = [vector('w'), vector('c'), vector('g'), scalar('half')];
// L(w) = Σ (w − c)²/2
const gradient = program(assign(g, w.minus(c)), sum(half.times(g.squared)));

/** A quadratic whose passes are programs of the device. */
class QueuedQuadratic implements Problem {
  readonly space: ParameterSpace;
  readonly seed = 0;
  step = 0;
  private readonly minimum: Vector;

  constructor(device: Device) {
    this.space = new ParameterSpace([{ name: 'w', dims: [40, 5] }], [], device);
    this.minimum = this.space.vector();
    this.space.arena.write(
      this.space.parameters,
      'w',
      Float32Array.from({ length: 200 }, (_, i) => Math.sin(i)),
    );
    this.space.arena.write(
      this.minimum,
      'w',
      Float32Array.from({ length: 200 }, (_, i) => Math.cos(i)),
    );
  }

  async gradient(_statistics: 'update' | 'keep', at: Vector = this.space.parameters) {
    const vectors = { w: at, c: this.minimum, g: this.space.gradient };
    const [loss] = await this.space.run(gradient, vectors, () => ({ half: 0.5 }));
    return loss!;
  }
}

/** The device, with every call that waits for the GPU counted. */
function watched(native: NativeCudaDevice): { native: NativeCudaDevice; waits: string[] } {
  const waits: string[] = [];
  const watch = (buffer: DeviceBuffer): DeviceBuffer => {
    const read: DeviceBuffer['read'] = buffer.read.bind(buffer);
    const write: DeviceBuffer['write'] = buffer.write.bind(buffer);
    const view: DeviceBuffer['view'] = buffer.view.bind(buffer);
    const counted = {
      read: (target: ArrayBufferView, byteOffset?: number) => {
        waits.push('read');
        read(target, byteOffset);
      },
      write: (source: ArrayBufferView, byteOffset?: number) => {
        waits.push('write');
        write(source, byteOffset);
      },
      view: (byteOffset: number, byteLength: number) => watch(view(byteOffset, byteLength)),
    };
    for (const [name, value] of Object.entries(counted)) Object.defineProperty(buffer, name, { value });
    return buffer;
  };
  const proxy = new Proxy(native, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== 'function') return value;
      if (name === 'allocate') return (bytes: number) => watch(target.allocate(bytes));
      if (name === 'synchronize') waits.push('synchronize');
      if (name === 'record')
        return () => {
          const event = target.record();
          const wait = () => {
            waits.push('event');
            return event.wait();
          };
          return { wait };
        };
      return value.bind(target);
    },
  });
  return { native: proxy, waits };
}

for (const [name, make] of Object.entries(everyOptimizer)) {
  emulatedTest(`steps are queued and wait for nothing; their numbers come late: ${name}`, async (t, gpu) => {
    const { native, waits } = watched(gpu.native);
    const problem = new QueuedQuadratic(new CudaDevice(native, 0, { threads: 1 }));
    const optimizer = make();
    const { average: _, ...vectors } = optimizer.state(problem.space);
    t.truthy(vectors);
    waits.length = 0;
    const reports = [];
    for (; problem.step < 3; problem.step++) {
      const report = await optimizer.step(problem);
      t.is(report.loss.known, undefined);
      t.is(report.gradientNorm.known, undefined);
      reports.push(report);
    }
    t.deepEqual(waits, []);
    const settled = await Promise.all(reports.map(settleReport));
    t.deepEqual(waits, ['event'], 'one copy brings all numbers that are asked for at once');
    t.true(settled.every(({ loss, gradientNorm }) => loss > 0 && gradientNorm > 0));
    t.true(settled[2]!.loss < settled[0]!.loss);
  });
}

emulatedTest('the host goes on while the GPU is behind', async (t, { device }) => {
  const problem = new QueuedQuadratic(device);
  const optimizer = everyOptimizer.SAM!();
  await settleReport(await optimizer.step(problem));
  problem.step++;
  emulate({ delay: 40 });
  t.teardown(() => emulate({}));
  const start = performance.now();
  const report = await optimizer.step(problem);
  const queued = performance.now() - start;
  const numbers = settleReport(report);
  emulate({});
  await numbers;
  const done = performance.now() - start;
  // A step of SAM is more than ten pieces of work.
  t.true(done > 400, `${done} ms`);
  t.true(queued < done / 2, `queued in ${queued} ms, done in ${done} ms`);
});
