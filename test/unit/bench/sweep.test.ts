import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { readResults } from '../../../src/bench/scale/file.js';
import { pointName, sweepPoints } from '../../../src/bench/scale/points.js';
import { torchArguments, torchModes } from '../../../src/bench/torch/torch-settings.js';
import { benchPath, writeBench } from '../../../src/formats/bench/files.js';
import { resolveSettings } from '../../../src/settings/resolve.js';

const given = { model: 'wrn-10-1', batch: 8, optimizer: 'sam' } as const;

test('a sweep is all combinations, batches the fastest', (t) => {
  const points = sweepPoints({ batches: [4, 8], widths: [1, 2], optimizers: ['sgd', 'sam'] }, given);
  t.is(points.length, 8);
  t.deepEqual(points.slice(0, 3), [
    { model: 'wrn-10-1', optimizer: 'sgd', threads: null, batch: 4 },
    { model: 'wrn-10-1', optimizer: 'sgd', threads: null, batch: 8 },
    { model: 'wrn-10-1', optimizer: 'sam', threads: null, batch: 4 },
  ]);
  t.is(points.at(-1)!.model, 'wrn-10-2');
  t.deepEqual(sweepPoints({}, given), [{ ...given, threads: null }]);
  t.is(pointName({ ...given, threads: 2 }), 'wrn-10-1, batch 8, sam, 2 threads');
});

test('a sweep of nothing, or of widths of another model, is refused', (t) => {
  t.throws(() => sweepPoints({ batches: [] }, given), {
    message: /batches to be a list of positive integers, at least one, but received \[\]/,
  });
  t.throws(() => sweepPoints({ threads: [0] }, given), {
    message: /threads\.0 to be an integer from 1 to 1024, but received 0/,
  });
  t.throws(() => sweepPoints({ widths: [2] }, { ...given, model: 'mlp' }), { message: /wrn-DEPTH-WIDTH/ });
});

test('results of a folder are read again, those of other settings refused', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'flatmin-sweep-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const settings = { precision: 'fp32', steps: 2 };
  t.deepEqual(await readResults(folder, settings), []);
  const result = {
    ...{ ...given, threads: null, secondsPerStep: 1, imagesPerSecond: 8, efficiency: 1 },
    ...{ peakRssBytes: 1, peakDeviceBytes: null },
  };
  await writeBench(folder, 'scale', { settings, results: [result] });
  t.deepEqual(await readResults(folder, { steps: 2, precision: 'fp32' }), [result]);
  await t.throwsAsync(readResults(folder, { ...settings, steps: 3 }), { message: /other settings/ });
  writeFileSync(benchPath(folder, 'scale'), '{"results":1}');
  await t.throwsAsync(readResults(folder, settings), {
    code: 'INVALID_DATA',
    message: /bench-scale\.json: expected "settings" to be an object, but found nothing/,
  });
  writeFileSync(benchPath(folder, 'scale'), '{');
  await t.throwsAsync(readResults(folder, settings), { code: 'INVALID_DATA', message: /not JSON/ });
});

const settings = (more: object) => resolveSettings({ ...given, data: 'random', ...more });

test('PyTorch is given the same model, optimizer and batch', (t) => {
  const args = torchArguments(settings({ ascentSteps: 3, nesterov: true, rho: 0.1 }), {
    threads: 2,
    steps: 4,
  });
  const value = (name: string) => args[args.indexOf(`--${name}`) + 1];
  t.is(value('model'), 'wrn-10-1');
  t.is(value('ascent-steps'), '3');
  t.is(value('rho'), '0.1');
  t.is(value('weight-decay'), '0.0005');
  t.is(value('threads'), '2');
  t.is(value('steps'), '4');
  t.true(args.includes('--nesterov'));
  t.false(torchArguments(settings({ optimizer: 'sgd' }), {}).includes('--rho'));
});

test('what the comparison does not have is refused by name', (t) => {
  for (const [more, message] of [
    [{ model: 'mlp' }, /model to be wrn-DEPTH-WIDTH for a comparison/],
    [{ optimizer: 'asam' }, /optimizer to be sgd, sam or rand-sam/],
    [{ shortcut: 'pad' }, /shortcut to be conv/],
    [{ ascentSteps: 2, radius: 'sum' }, /radius to be split/],
    [{ clipNorm: 5 }, /clipNorm to be null/],
  ] as const)
    t.throws(() => torchArguments(settings(more), {}), { code: 'INVALID_ARGUMENT', message });
});

test('on a GPU the faster precisions stand beside fp32', (t) => {
  const names = (precision: 'fp32' | 'fp16', device: string) =>
    torchModes(settings({ precision }), device).map((mode) => `${mode.name} ${mode.precision}`);
  t.deepEqual(names('fp32', 'cpu'), ['eager fp32', 'channels_last fp32', 'compile fp32']);
  t.deepEqual(names('fp32', 'cuda').slice(3), ['tf32 tf32', 'amp fp16']);
  t.deepEqual(names('fp16', 'cuda'), ['eager fp16', 'channels_last fp16', 'compile fp16']);
});
