import { directionTo, orthogonalize, randomDirection } from '../../../src/landscape/directions.js';
import { lossSurface } from '../../../src/landscape/surface.js';
import { measure } from '../../../src/sharpness/measure.js';
import { MEASURE_NAMES } from '../../../src/sharpness/options.js';
import type { Device } from '../../../src/vectors/device/device.js';
import { emulatedTest } from '../../emulator/device.js';
import { QuadraticObjective, rotated, SPECTRUM } from './quadratic.js';

const objectiveOn = (device?: Device): QuadraticObjective =>
  new QuadraticObjective(rotated(SPECTRUM), { samples: 10, ...(device && { device }) });

emulatedTest('every measure on a GPU is that of the CPU', async (t, { device }) => {
  const measures = MEASURE_NAMES.filter((name) => name !== 'm-sharpness');
  const options = { rho: 0.3, measures, traceDraws: 3, draws: 3, restarts: 1, lanczosSteps: 12 };
  const [cpu, gpu] = [await measure(objectiveOn(), options), await measure(objectiveOn(device), options)];
  const near = (found: number, expected: number) => Math.abs(found - expected) <= 1e-3 * Math.abs(expected);
  for (const name of measures) {
    const [found, expected] = [gpu.measures[name]!, cpu.measures[name]!];
    if ('value' in found && 'value' in expected)
      t.true(near(found.value, expected.value), `${name}: ${found.value}, not ${expected.value}`);
  }
  const top = (report: typeof cpu) => report.measures.eigenvalues!.values[0]!;
  t.true(near(top(gpu), top(cpu)));
  t.true(near(gpu.measures.density!.nodes.at(-1)!, cpu.measures.density!.nodes.at(-1)!));
});

emulatedTest('a loss surface on a GPU is that of the CPU', async (t, { device }) => {
  const surface = async (objective: QuadraticObjective) => {
    const { space } = objective;
    const first = await randomDirection(space, { seed: 1, stream: 0 });
    const second = await orthogonalize(space, await randomDirection(space, { seed: 1, stream: 1 }), first);
    const zero = await directionTo(space, space.vector());
    const along = [-1, 0, 0.5];
    return [
      await lossSurface(objective, [first, second], [along, along]),
      await lossSurface(objective, [zero, first], [along, along]),
    ].flat(2) as number[];
  };
  const [cpu, gpu] = [await surface(objectiveOn()), await surface(objectiveOn(device))];
  for (const [k, value] of gpu.entries())
    t.true(Math.abs(value - cpu[k]!) <= 1e-5 * Math.abs(cpu[k]!), `${k}`);
});
