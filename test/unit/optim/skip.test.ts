import test from 'ava';
import type { Optimizer, Problem } from '../../../src/optim/optimizer.js';
import { meanGradient } from '../../../src/optim/toolkit/micro-batches.js';
import { CpuDevice } from '../../../src/vectors/device/cpu.js';
import type { Device } from '../../../src/vectors/device/device.js';
import { Scalar } from '../../../src/vectors/scalar.js';
import { emulatedTest } from '../../emulator/device.js';
import { everyOptimizer } from './every-optimizer.js';
import { Quadratic } from './quadratic.js';

/** A step that is skipped where a pass has overflowed, as in half precision. */
function problemOf(quadratic: Quadratic, microBatches: number, spoil: (pass: number) => boolean): Problem {
  const { space, seed, step } = quadratic;
  let health = Scalar.of(0);
  let pass = 0;
  const gradient: Problem['gradient'] = async (statistics, at) => {
    const bad = spoil(pass++);
    quadratic.distort = (values) => (bad ? values.fill(Infinity, 0, 1) : values);
    if (bad) health = health.plus(Infinity);
    return quadratic.gradient(statistics, at);
  };
  const rest = { space, seed, step, onNotFinite: 'skip', health: () => health } as const;
  if (microBatches === 1) return { ...rest, gradient };
  const parts = Array.from({ length: microBatches }, (_, index) => ({
    ...rest,
    gradient,
    part: { index, count: microBatches },
  }));
  const total = space.vector();
  return {
    ...rest,
    parts,
    gradient: (statistics, at) => meanGradient(parts, total, (part) => part.gradient(statistics, at)),
  };
}

/** The parameters and the state that is not an average of them. */
function snapshot(optimizer: Optimizer, quadratic: Quadratic) {
  const { average: _, ...state } = optimizer.state(quadratic.space);
  return [quadratic.weights, ...Object.values(state).map((vector) => quadratic.read(vector))];
}

type Assertions = {
  deepEqual(a: unknown, b: unknown, message?: string): unknown;
  false(a: boolean): unknown;
};

/** Steps 0 to 2 are sound; in step 3 or 2 the k-th pass overflows, for each k that there is. */
async function check(
  t: Assertions,
  make: () => Optimizer,
  device: Device,
  microBatches: number,
): Promise<void> {
  for (const badStep of [2, 3]) {
    for (let k = 0; ; k++) {
      const quadratic = new Quadratic({ device });
      const optimizer = make();
      for (; quadratic.step < badStep; quadratic.step++)
        await optimizer.step(problemOf(quadratic, microBatches, () => false));
      const before = snapshot(optimizer, quadratic);
      let passes = 0;
      const report = await optimizer.step(
        problemOf(quadratic, microBatches, (pass) => {
          passes = pass + 1;
          return pass === k;
        }),
      );
      if (k >= passes) break;
      t.false(Number.isFinite(await report.gradientNorm.read()));
      t.deepEqual(snapshot(optimizer, quadratic), before, `pass ${k} of step ${badStep}`);
    }
  }
}

for (const [name, make] of Object.entries(everyOptimizer)) {
  for (const microBatches of [1, 3]) {
    const batches = microBatches === 1 ? '' : `, ${microBatches} micro-batches`;
    test(`a step that is skipped leaves weights and state as they were: ${name}${batches}`, (t) =>
      check(t, make, new CpuDevice(2), microBatches));
  }
  emulatedTest(`the same on a GPU: ${name}`, (t, { device }) => check(t, make, device, 1));
}
