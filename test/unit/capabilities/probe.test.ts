import test from 'ava';
import { probesOf } from '../../../src/capabilities/probe/cases.js';
import { probeCapabilities } from '../../../src/capabilities/probe/probe.js';
import { stockCpu, trainingCpu } from '../../../src/capabilities/tables.js';
import { lowerings } from '../../../src/lowering/lower.js';
import { trainingDomain } from '../../../src/onnx/domains.js';
import { openRuntime } from '../../../src/ort/library.js';

const stock = openRuntime('stock');
const trainingLibrary = process.env.FLATMIN_TRAINING_RUNTIME;

test('the stock runtime has the kernels of its table', async (t) => {
  const { failures, ...found } = await probeCapabilities(stock);
  t.deepEqual(found, stockCpu);
  t.is(failures.length, probesOf('cpu').length);
});

test('the training build has the kernels of its table', async (t) => {
  if (!trainingLibrary) {
    t.log('Skipped: FLATMIN_TRAINING_RUNTIME does not name a libonnxruntime of the training build.');
    t.pass();
    return;
  }
  const { failures, ...found } = await probeCapabilities(openRuntime(trainingLibrary));
  t.deepEqual(found, trainingCpu);
  const wrong = failures.find(({ kernel, type }) => kernel === 'AveragePoolGrad/3-D' && type === 'float');
  t.regex(wrong?.reason ?? '', /^dx is off by/, 'a kernel with wrong numbers does not count');
});

test('a kernel that ends or hangs its process counts as missing, and the rest are probed in a fresh one', async (t) => {
  const child = new URL('./unruly-child.js', import.meta.url);
  const { kernels, failures } = await probeCapabilities(stock, 'cpu', { child, limitMs: 8000 });
  const probes = probesOf('cpu');
  const named = (place: number) => ({ kernel: probes[place]!.kernel, type: probes[place]!.type });
  t.deepEqual(
    failures.map(({ kernel, type }) => ({ kernel, type })),
    [named(1), named(2), named(3)],
  );
  t.deepEqual(
    failures.map(({ reason }) => /crashed: SIGSEGV|hung|wrong/.exec(reason)?.[0]),
    ['crashed: SIGSEGV', 'hung', 'wrong'],
  );
  const right = Object.values(kernels).reduce((sum, types) => sum + types.length, 0);
  t.is(right, probes.length - 3);
});

test('a device that cannot be used is an error, not a table without kernels', async (t) => {
  const error = await t.throwsAsync(probeCapabilities(stock, 'cuda'), { code: 'RUNTIME' });
  t.regex(error!.message, /on cuda cannot be probed: .{20,}/);
});

test('every training op that is lowered has a probe, but those that no library has', (t) => {
  const probed = new Set(probesOf('cuda').map(({ kernel }) => kernel));
  t.deepEqual(
    Object.keys(lowerings).filter((op) => !probed.has(op) && !op.startsWith(`${trainingDomain}:`)),
    [],
  );
});
