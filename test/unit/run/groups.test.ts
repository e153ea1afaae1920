import test from 'ava';
import { prepare } from '../../../src/run/setup.js';
import { resolveSettings } from '../../../src/settings/resolve.js';
import { CpuDevice } from '../../../src/vectors/device/cpu.js';
import { ParameterSpace } from '../../../src/vectors/parameter-space.js';

test("a group with the base's rate has the base's schedule to the end, of averaged epochs too", async (t) => {
  const settings = resolveSettings({
    model: 'mlp',
    data: 'digits',
    epochs: 10,
    lr: 0.1,
    swaStart: 5,
    swaLr: 0.03,
    groups: [{ parameters: '.*', lr: 0.1 }],
  });
  const { groups, optimizer, stepsPerEpoch } = await prepare(settings, { workers: 0 });
  const own = groups[0]!.lr as (step: number) => number;
  const base = optimizer.describe().lr as (step: number) => number;
  for (const epoch of [0, 3, 5, 7.5, 9.9]) {
    const step = Math.floor(epoch * stepsPerEpoch);
    t.is(own(step), base(step), `epoch ${epoch}`);
  }
  t.is(own(7 * stepsPerEpoch), 0.03);
});

test('what a group says in numbers is checked', (t) => {
  for (const [key, value] of [
    ['lr', Number.NaN],
    ['weightDecay', -1],
    ['rho', Number.POSITIVE_INFINITY],
    ['weightDecay', '0.1'],
  ] as const)
    t.throws(
      () =>
        new ParameterSpace(
          [{ name: 'w', dims: [3] }],
          [{ parameters: 'v' }, { parameters: 'w', [key]: value }],
          new CpuDevice(1),
        ),
      {
        code: 'INVALID_ARGUMENT',
        message: new RegExp(`^Expected "${key}" of group 2 to be a finite number ≥ 0`),
      },
    );
});
