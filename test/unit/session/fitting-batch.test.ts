import test from 'ava';
import { FlatminError } from '../../../src/errors.js';
import { fittingBatch, withBatchAdvice } from '../../../src/session/fitting-batch.js';
import type { Device } from '../../../src/vectors/device/device.js';

const GIB = 2 ** 30;
const device = { name: 'cuda:0', memory: () => ({ free: 0, total: 80 * GIB }) } as Device;
const memory = { batch: 128, activationBytes: 160 * GIB, freeBytes: 78 * GIB };

test('the batch that fits is in proportion, with room for workspaces', (t) => {
  t.is(fittingBatch(memory), Math.floor(128 * 0.85 * (78 / 160)));
  t.is(
    fittingBatch({ ...memory, activationBytes: 60 * GIB }),
    127,
    'it did not fit, so a smaller one is named',
  );
  t.is(fittingBatch({ batch: 1, activationBytes: 160 * GIB, freeBytes: GIB }), 0);
});

test('a shortage of memory says how much is needed and which batch might fit', (t) => {
  const error = new FlatminError('OUT_OF_MEMORY', 'cuda:0 has no room for 1.25 GiB.');
  const advised = withBatchAdvice(error, device, memory) as FlatminError;
  t.is(advised.code, 'OUT_OF_MEMORY');
  t.is(
    advised.message,
    'cuda:0 has no room for 1.25 GiB. The activations of a batch of 128 take about 160.0 GiB, and 78.0 GiB of 80.0 GiB were free on cuda:0: a batch of 53 might fit (with --accumulate for the same number of samples a step).',
  );
  const hopeless = withBatchAdvice(error, device, { ...memory, batch: 1 }) as FlatminError;
  t.regex(hopeless.message, /not even one sample fits/);
});

test('other errors come back as they are', (t) => {
  const error = new FlatminError('RUNTIME', 'something else');
  t.is(withBatchAdvice(error, device, memory), error);
});
