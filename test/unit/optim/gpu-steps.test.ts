import { type Optimizer, settleReport } from '../../../src/optim/optimizer.js';
import type { Device } from '../../../src/vectors/device/device.js';
import type { Vector } from '../../../src/vectors/parameter-space.js';
import { emulatedTest } from '../../emulator/device.js';
import { relativeError } from '../../reference/tolerance.js';
import { everyOptimizer } from './every-optimizer.js';
import { flat, minus, Quadratic, start, type Tensors } from './quadratic.js';

const groups = [
  { parameters: 'a.weight', lr: 0.1, rho: 0.2 },
  { parameters: 'b.bias', frozen: true },
];

async function train(make: () => Optimizer, device: Device | undefined, distort?: Quadratic['distort']) {
  const problem = new Quadratic({ groups, seed: 5, ...(device && { device }) });
  if (distort) problem.distort = distort;
  const optimizer = make();
  const reports = [];
  for (; problem.step < 4; problem.step++) reports.push(await settleReport(await optimizer.step(problem)));
  const state = Object.values(optimizer.state(problem.space)).map((vector) => problem.read(vector));
  return { problem, reports, state };
}

const apart = (found: Tensors, expected: Tensors): number => relativeError(flat(found), flat(expected));

for (const [name, make] of Object.entries(everyOptimizer)) {
  emulatedTest(`four steps on a GPU equal those on the CPU: ${name}`, async (t, { device }) => {
    const [cpu, gpu] = [await train(make, undefined), await train(make, device)];
    const moved = (w: Tensors) => minus(w, start());
    t.true(apart(moved(gpu.problem.weights), moved(cpu.problem.weights)) < 1e-5);
    t.is(gpu.problem.visited.length, cpu.problem.visited.length);
    for (const [k, { at, statistics }] of gpu.problem.visited.entries()) {
      t.is(statistics, cpu.problem.visited[k]!.statistics);
      t.true(apart(at, cpu.problem.visited[k]!.at) < 1e-6, `point ${k}`);
    }
    for (const [k, vector] of gpu.state.entries()) t.true(apart(vector, cpu.state[k]!) < 1e-4, `state ${k}`);
    for (const [k, report] of gpu.reports.entries()) {
      const expected = cpu.reports[k]!;
      t.true(Math.abs(report.gradientNorm / expected.gradientNorm - 1) < 1e-5);
      t.true(Math.abs(report.loss / expected.loss - 1) < 1e-5);
      t.is(report.lr, expected.lr);
    }
  });

  emulatedTest(`a zero gradient perturbs nothing and makes no NaN: ${name}`, async (t, { device }) => {
    const zero: Quadratic['distort'] = (gradient) => gradient.fill(0);
    const [cpu, gpu] = [await train(make, undefined, zero), await train(make, device, zero)];
    t.deepEqual(gpu.problem.weights, cpu.problem.weights);
    t.deepEqual(gpu.state, cpu.state);
    t.deepEqual(gpu.problem.visited, cpu.problem.visited);
  });

  emulatedTest(
    `a gradient with a NaN in it moves nothing, and is reported: ${name}`,
    async (t, { device }) => {
      for (const value of [Number.NaN, Infinity]) {
        const { problem, reports, state } = await train(make, device, (gradient) =>
          gradient.fill(value, 0, 1),
        );
        t.deepEqual(problem.weights, start());
        t.true(reports.every(({ gradientNorm }) => !Number.isFinite(gradientNorm)));
        t.true(state.every((vector) => flat(vector).every(Number.isFinite)));
      }
    },
  );

  emulatedTest(`a run that goes on from its state goes on bit for bit: ${name}`, async (t, { device }) => {
    const whole = new Quadratic({ device });
    const reference = make();
    for (; whole.step < 5; whole.step++) await reference.step(whole);
    const [before, after] = [new Quadratic({ device }), new Quadratic({ device })];
    const [first, second] = [make(), make()];
    for (; before.step < 3; before.step++) await first.step(before);
    const vectors = (optimizer: Optimizer, { space }: Quadratic): Record<string, Vector> => ({
      ...optimizer.state(space),
      parameters: space.parameters,
    });
    const [saved, restored] = [vectors(first, before), vectors(second, after)];
    for (const [key, vector] of Object.entries(saved)) await device.copy(vector, restored[key]!);
    for (after.step = 3; after.step < 5; after.step++) await second.step(after);
    t.deepEqual(after.weights, whole.weights);
  });

  const perturbsAlongGradients = /SAM/.test(name) && !/Rand-SAM/.test(name);
  if (perturbsAlongGradients)
    emulatedTest(`a NaN or an infinity in the ascent perturbs nothing: ${name}`, async (t, { device }) => {
      for (const value of [Number.NaN, Infinity]) {
        const spoilt: Quadratic['distort'] = (gradient, pass) =>
          pass === 1 ? gradient.fill(value, 0, 1) : gradient;
        const [cpu, gpu] = [await train(make, undefined, spoilt), await train(make, device, spoilt)];
        t.deepEqual(gpu.problem.visited[1]!.at, start());
        t.true(apart(minus(gpu.problem.weights, start()), minus(cpu.problem.weights, start())) < 1e-5);
        for (const [k, vector] of gpu.state.entries())
          t.true(apart(vector, cpu.state[k]!) < 1e-4, `state ${k}`);
      }
    });
}
