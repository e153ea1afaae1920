import test from 'ava';
import { AdamW } from '../../../src/optim/adamw.js';
import type { AppliedSteps } from '../../../src/optim/toolkit/applied-steps.js';
import { biasCorrection, oneIfFinite } from '../../../src/optim/toolkit/applied-steps.js';
import { CpuDevice } from '../../../src/vectors/device/cpu.js';
import type { Device } from '../../../src/vectors/device/device.js';
import { Scalar } from '../../../src/vectors/scalar.js';
import { emulatedTest } from '../../emulator/device.js';
import { flat, Quadratic } from './quadratic.js';

/** A number that is known later. */
const late = (value: number) => new Scalar({ kind: 'cell', cell: { load: async () => value } });

test('one if finite', (t) => {
  t.deepEqual(
    [0, -3, 1e308, Infinity, -Infinity, NaN].map((value) => oneIfFinite(Scalar.of(value)).known),
    [1, 1, 1, 0, 0, 0],
  );
});

test('the correction is 1 − βᵗ of the applied steps and the present one', (t) => {
  for (const beta of [0, 0.5, 0.9, 0.999])
    for (const known of [0, 1, 7, 5000]) {
      const correction = biasCorrection(beta, { known, pending: [] }).known!;
      t.true(Math.abs(correction / (1 - beta ** (known + 1)) - 1) < 1e-10, `${beta}, ${known}`);
    }
  t.is(biasCorrection(0.999, { known: 1e9, pending: [] }).known, 1);
});

test('outcomes that are not known yet change no bit', async (t) => {
  const pending = [late(2.5), late(NaN), late(0)];
  for (const beta of [0, 0.9, 0.999])
    for (const known of [0, 3, 400]) {
      const correction = biasCorrection(beta, { known, pending });
      t.is(correction.known, undefined);
      t.is(await correction.read(), biasCorrection(beta, { known: known + 2, pending: [] }).known!);
    }
});

/** The parameters after a step of AdamW. */
async function stepped(device: Device, applied: AppliedSteps): Promise<number[]> {
  const quadratic = new Quadratic({ device });
  const { space, seed } = quadratic;
  const gradient: Quadratic['gradient'] = (...args) => quadratic.gradient(...args);
  await new AdamW({ lr: 0.1 }).step({ space, seed, step: 4, applied, gradient });
  return flat(quadratic.weights);
}

emulatedTest('a GPU corrects AdamW’s bias by outcomes that only it knows', async (t, { device }) => {
  const numbers = device.allocate(4);
  const outcome = (value: number) => {
    numbers.write(Float32Array.of(value));
    return device.element(numbers);
  };
  const pending = [await outcome(NaN), await outcome(3), await outcome(Infinity)];
  const found = await stepped(device, { known: 1, pending });
  const expected = await stepped(new CpuDevice(1), { known: 2, pending: [] });
  const others = await stepped(new CpuDevice(1), { known: 4, pending: [] });
  const error = (values: number[]) => Math.max(...values.map((value, i) => Math.abs(value - found[i]!)));
  t.true(error(expected) < 1e-6, `${error(expected)}`);
  t.true(error(others) > 1e-3);
});
