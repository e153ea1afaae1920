import test from 'ava';
import { passBatch } from '../../../src/study/pass-batch.js';
import { CpuDevice } from '../../../src/vectors/device/cpu.js';
import type { Device } from '../../../src/vectors/device/device.js';

const cpu = new CpuDevice(1);
const large = { facts: { ...cpu.facts, needsLargeWork: true } } as Device;

test('running statistics take the batch of training, but no more than pays', (t) => {
  const batch = (trained: number | undefined, device: Device) =>
    passBatch({ asked: undefined, batchNorm: 'running', trained, device });
  t.is(batch(16, cpu), 16);
  t.is(batch(128, cpu), 32);
  t.is(batch(undefined, cpu), 32);
  t.is(batch(128, large), 128);
  t.is(batch(1024, large), 256);
  t.is(batch(undefined, large), 256);
});

test('statistics of the batch are those of training, on any device', (t) => {
  for (const device of [cpu, large]) {
    t.is(passBatch({ asked: undefined, batchNorm: 'batch', trained: 128, device }), 128);
    t.is(passBatch({ asked: undefined, batchNorm: 'batch', trained: undefined, device }), 256);
  }
});

test('what is asked for is taken', (t) => {
  for (const batchNorm of ['running', 'batch'] as const)
    t.is(passBatch({ asked: 500, batchNorm, trained: 128, device: cpu }), 500);
});
