import test from 'ava';
import { makeReport } from '../../../src/report/report.js';
import { makeFolder } from '../report/folders.js';

const figures = (page: string): string[] =>
  [...page.matchAll(/<figcaption>([^<]*)/g)].map(([, title]) => title!);
const point = (width: number, batch: number, imagesPerSecond: number | null) => ({
  ...{ model: `wrn-10-${width}`, optimizer: 'sam', threads: null, batch, imagesPerSecond, efficiency: 1 },
  ...{ secondsPerStep: imagesPerSecond && batch / imagesPerSecond, peakRssBytes: 2 ** 28 },
});

test('a page of measurements has the sweep, the roofline and the memory', async (t) => {
  const folder = makeFolder(t);
  const torch = [
    { peer: 'eager', precision: 'fp32', secondsPerStep: 0.5, imagesPerSecond: 16, peakRssBytes: 1 },
  ];
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
    ...{ model: 'wrn-10-1', limitBytes: 2 ** 30, largestBatch: 607 },
    uses: [
      { batch: 4, peakBytes: 2 ** 27, activationBytes: 2 ** 22, peakDeviceBytes: null },
      { batch: 8, peakBytes: 2 ** 28, activationBytes: 2 ** 23, peakDeviceBytes: null },
    ],
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
  folder.write('bench-step.json', {
    ...{ model: 'mlp', secondsPerStep: 0.25, peakRssBytes: 2 ** 20, hostShare: 0.0375 },
  });
  const page = await makeReport(folder.dir, { version: '1.2.3' });
  t.regex(page, /class="note">[^<]*bench-scale\.json is not JSON/);
  t.true(page.includes('0.2500'));
  t.regex(page, /host, feeding and queueing \(%\)<\/t[hd]><td[^>]*>3\.75</);
});
