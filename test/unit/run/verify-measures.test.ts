import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { benchPath, writeBench } from '../../../src/formats/bench/files.js';
import { sealedJson } from '../../../src/formats/digest.js';
import { sharpnessText } from '../../../src/formats/run/sharpness.js';
import { verify } from '../../../src/run/verify/verify.js';

test('verify finds a changed digit of measurements', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'flatmin-verify-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  await writeBench(folder, 'scale', { settings: { steps: 17 }, results: [] });
  writeFileSync(
    join(folder, 'landscape-1d.json'),
    sealedJson({
      ...{ kind: 'flatmin-landscape', version: 1, dims: 1, run: 'a', to: null, normalization: 'filter' },
      ...{ directions: [{ name: 'random', norm: 1 }], axes: [[-1, 17]], center: 1, settings: {} },
      curves: [{ direction: 'random', losses: [1, 2] }],
    }),
  );
  writeFileSync(join(folder, 'sharpness.json'), sharpnessText({ rho: 0.17, measures: {} }));
  const states = async () => {
    const found: string[] = [];
    for await (const { state, message } of verify(folder)) found.push(`${state} ${message ?? ''}`.trim());
    return found;
  };
  t.deepEqual(await states(), ['whole', 'whole', 'whole']);
  for (const path of [
    benchPath(folder, 'scale'),
    join(folder, 'landscape-1d.json'),
    join(folder, 'sharpness.json'),
  ])
    writeFileSync(path, readFileSync(path, 'utf8').replace('17', '18'));
  for (const state of await states()) t.regex(state, /^damaged .* is not as it was written/);
});

test('verify calls a file whose digest was taken out unchecked', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'flatmin-verify-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'config.json'), '{"constructor":{}}');
  for await (const { state, message } of verify(folder))
    t.deepEqual([state, message], ['unchecked', 'It carries no digest.']);
  t.plan(1);
});
