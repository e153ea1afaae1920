import test from 'ava';
import { makeReport } from '../../../src/report/report.js';
import { makeFolder } from '../report/folders.js';

const figures = (page: string): string[] =>
  [...page.matchAll(/<figcaption>([^<]*)/g)].map(([, title]) => title!);
const point = (width: number, batch: number, imagesPerSecond: number | null) => ({
  ...{ model: `wrn-10-${width}`, optimizer: 'sam', threads: null, batch, imagesPerSecond, efficiency: 1 },
  ...{ secondsPerStep: imagesPerSecond && batch / imagesPerSecond, peakRssBytes: 2 ** 28 },
  peakDeviceBytes: null,
});
const use = (batch: number, peakBytes: number, activationBytes: number) => ({
  ...{ batch, peakBytes, activationBytes, measuredActivationBytes: null, peakDeviceBytes: null },
  ...{ parameterBytes: 1, gradientBytes: 1, optimizerBytes: 1, statisticsBytes: 1, batchBytes: 1 },
  baseBytes: 2 ** 25,
});
const step = {
  ...{ model: 'mlp', batch: 8, device: 'cpu', precision: 'fp32', runtime: '1.30.0', secondsPerStep: 0.25 },
  ...{ imagesPerSecond: 32, gradientShare: null, optimizerShare: null, hostShare: 0.0375, dataShare: 0.1 },
  ...{ peakRssBytes: 2 ** 20, peakDeviceBytes: null },
};
const peer = {
  ...{ peer: 'eager', precision: 'fp32', secondsPerStep: 0.5, imagesPerSecond: 16, peakRssBytes: 1 },
  ...{ stepSeconds: [0.5], importRssBytes: 0, peakDeviceBytes: null },
};

test('a page of measurements has the sweep, the roofline and the memory', async (t) => {
  const folder = makeFolder(t);
  const torch = [peer];
  folder.write('bench-scale.json', {
    settings: {},
    results: [
      { ...point(1, 4, 100), torch },
      point(1, 8, 120),
      point(2, 8, 50),
      { ...point(2, 4, null), failure: 'It ended (SIGKILL).' },
    ],
  });
  folder.write('bench-kernels.json', {
    ...{ model: 'wrn-10-1', batch: 8, device: 'cpu', precision: 'fp32', secondsPerStep: 0.01 },
    limits: { flopPerSecond: 4e11, bytesPerSecond: 1e11 },
    kernels: [
      {
        ...{ op: 'flatmin:Conv', inputs: ['float 8×3×32×32'], count: 2, seconds: 0.004, share: 0.4 },
        ...{ flopPerSecond: 3e11, bytesPerSecond: 1e10, intensity: 30, limit: 'compute', efficiency: 0.75 },
      },
    ],
  });
  folder.write('bench-memory.json', {
    ...{ model: 'wrn-10-1', device: 'cpu', precision: 'fp32', limitBytes: 2 ** 30, largestBatch: 607 },
    uses: [use(4, 2 ** 27, 2 ** 22), use(8, 2 ** 28, 2 ** 23)],
  });
  const page = await makeReport(folder.dir, { version: '1.2.3' });
  t.deepEqual(figures(page), [
    'Images a second by batch size',
    'Images a second by width',
    'Roofline',
    'Memory by batch size',
  ]);
  for (const text of ['flatmin:Conv', 'It ended (SIGKILL).', 'about 607', '× PyTorch eager', '75.00'])
    t.true(page.includes(text), text);
});

test('a file that is broken is told, and the others are shown', async (t) => {
  const folder = makeFolder(t);
  folder.write('bench-scale.json', 'no JSON');
  folder.write('bench-step.json', step);
  const page = await makeReport(folder.dir, { version: '1.2.3' });
  t.regex(page, /class="note">[^<]*bench-scale\.json is not JSON/);
  t.true(page.includes('0.2500'));
  t.true(page.includes('model mlp, device cpu, precision fp32, runtime 1.30.0, batches of 8'));
  t.regex(page, /host, feeding and queueing \(%\)<\/t[hd]><td[^>]*>3\.75</);
});

test('a measurement of another form is left out, and its field is named', async (t) => {
  const folder = makeFolder(t);
  const result = point(1, 4, 100);
  for (const [name, content, message] of [
    [
      'step',
      { ...step, secondsPerStep: 'slow' },
      'secondsPerStep&quot; to be a number, but found &quot;slow',
    ],
    ['torch', { peers: [], flatmin: step }, 'peers&quot; to be a list of peers, flatmin first, but found []'],
    ['torch', { peers: [peer] }, 'flatmin&quot; to be an object, but found nothing'],
    ['kernels', { ...step, limits: {} }, 'limits.flopPerSecond&quot; to be a number, but found nothing'],
    ['memory', { ...step, uses: [{ batch: -1 }] }, 'uses.0.batch&quot; to be an integer ≥ 0, but found -1'],
    [
      'scale',
      { settings: {}, results: [{ ...result, batch: null }] },
      'results.0.batch&quot; to be an integer',
    ],
  ] as const) {
    folder.write(`bench-${name}.json`, content);
    const page = await makeReport(folder.dir, { version: '1.2.3' });
    t.true(page.includes(`bench-${name}.json: expected &quot;${message}`), message);
    t.true(page.includes('The file is left out.'));
  }
});
