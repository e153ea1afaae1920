import { copyFile, cp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Disk } from '../../../scripts/torture/disk.js';
import { recorded } from '../../../scripts/torture/subject.js';
import { sealedJson } from '../../../src/formats/digest.js';
import { stockLibraryPath } from '../../../src/ort/library.js';
import { train } from '../../../src/run/train.js';
import { readTrainedModel } from '../../../src/run/trained-model.js';
import type { Finding } from '../../../src/run/verify/finding.js';
import { verify } from '../../../src/run/verify/verify.js';
import { abortedAfter } from '../../aborted-after.js';
import { temporaryFolder } from '../../e2e/run-cli.js';

const settings = {
  model: 'mlp-8',
  data: 'digits',
  batch: 32,
  trainSamples: 96,
  testSamples: 64,
  epochs: 6,
  optimizer: 'sam',
} as const;
const execution = { threads: 1, workers: 0 };
const NEWEST = 'checkpoint.safetensors';
const BEFORE = 'checkpoint-before-1.safetensors';
const RESULTS = ['metrics.jsonl', 'model.onnx'];

const readAll = (dir: string) => Promise.all(RESULTS.map((name) => readFile(join(dir, name))));

/** A run that is stopped in its fourth epoch, and what it should come to. */
async function stopped(t: ExecutionContext) {
  const dir = temporaryFolder(t);
  const [whole, out] = [join(dir, 'whole'), join(dir, 'run')];
  await train(settings, { ...execution, out: whole });
  const stop = train(settings, { ...execution, out, signal: abortedAfter(28) });
  await t.throwsAsync(stop, { code: 'INTERRUPTED' });
  t.true((await readdir(out)).includes(BEFORE));
  return { out, expected: await readAll(whole) };
}

/** Resumes to the end. @returns what was warned of */
async function resume(out: string, more = {}): Promise<string[]> {
  const warnings: string[] = [];
  await train({}, { ...execution, ...more, out, resume: true, warn: (text) => void warnings.push(text) });
  return warnings;
}

async function flipBit(path: string, bit: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[bit >> 3]! ^= 1 << (bit & 7);
  await writeFile(path, bytes);
}

test('a damaged or missing newest checkpoint falls back to the one before, and the run ends bit for bit', async (t) => {
  const { out, expected } = await stopped(t);
  const size = (await readFile(join(out, NEWEST))).length;
  const damages: Record<string, (path: string) => Promise<void>> = {
    'a bit of a tensor': (path) => flipBit(path, 8 * (size - 100)),
    'a bit of the header': (path) => flipBit(path, 8 * 60),
    'a bit of the length': (path) => flipBit(path, 3),
    'cut off': async (path) => writeFile(path, (await readFile(path)).subarray(0, size / 2)),
    empty: (path) => writeFile(path, ''),
    missing: (path) => rm(path),
  };
  for (const [name, damage] of Object.entries(damages)) {
    const copy = `${out}-${name}`;
    await cp(out, copy, { recursive: true });
    await damage(join(copy, NEWEST));
    const [warning, ...more] = await resume(copy);
    t.regex(warning!, /checkpoint\.safetensors.*The run goes on from .*before-1.*after step \d+/, name);
    t.deepEqual(more, [], name);
    t.deepEqual(await readAll(copy), expected, name);
  }
});

test('where no checkpoint is whole the run is refused, and begins again if asked to', async (t) => {
  const { out, expected } = await stopped(t);
  await flipBit(join(out, NEWEST), 9001);
  await rm(join(out, BEFORE));
  const refused = { code: 'INVALID_DATA', message: /no other checkpoint .*--restart/ };
  await t.throwsAsync(resume(out), refused);
  await rm(join(out, NEWEST));
  await t.throwsAsync(resume(out), { ...refused, message: /is missing.*--restart/ });
  t.deepEqual(await resume(out, { restart: true }), []);
  t.deepEqual(await readAll(out), expected);
});

test('a checkpoint of another run is none of this one', async (t) => {
  const { out } = await stopped(t);
  const other = join(temporaryFolder(t), 'other');
  await train({ ...settings, seed: 1 }, { ...execution, out: other });
  for (const name of [NEWEST, BEFORE]) await copyFile(join(other, NEWEST), join(out, name));
  await t.throwsAsync(resume(out), { code: 'INVALID_DATA', message: /not a checkpoint of this run/ });
});

test('a run that was stopped before its first checkpoint begins again without a word', async (t) => {
  const { out, expected } = await stopped(t);
  for (const name of [NEWEST, BEFORE]) await rm(join(out, name));
  const path = join(out, 'config.json');
  const config = JSON.parse(await readFile(path, 'utf8'));
  await writeFile(path, sealedJson({ ...config, run: { ...config.run, checkpointed: false } }));
  t.deepEqual(await resume(out), []);
  t.deepEqual(await readAll(out), expected);
});

test('records that were shortened are told, and the weights stay right', async (t) => {
  const { out, expected } = await stopped(t);
  const path = join(out, 'metrics.jsonl');
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.slice(text.indexOf('\n') + 1));
  const [warning] = await resume(out);
  t.regex(warning!, /metrics\.jsonl is not what it was at the checkpoint.*its weights are right/);
  t.deepEqual((await readAll(out))[1], expected[1]);
});

test('a plain resume goes on as the run was executed', async (t) => {
  const dir = temporaryFolder(t);
  const out = join(dir, 'run');
  const options = { out, threads: 1, workers: 0, checkpointEvery: 2, keepBest: true, keepCheckpoints: 3 };
  await t.throwsAsync(train(settings, { ...options, signal: abortedAfter(20) }), { code: 'INTERRUPTED' });
  const warnings: string[] = [];
  const warn = (text: string) => void warnings.push(text);
  await train({}, { out, resume: true, workers: 0, warn });
  t.deepEqual(warnings, []);
  const { execution: recorded } = JSON.parse(await readFile(join(out, 'config.json'), 'utf8'));
  t.like(recorded, { threads: 1, checkpointEvery: 2, keepBest: true, keepCheckpoints: 3 });
  const kept = (await readdir(out)).filter((name) => name.startsWith('checkpoint'));
  t.deepEqual(kept.sort(), [
    'checkpoint-before-1.safetensors',
    'checkpoint-before-2.safetensors',
    'checkpoint-best.safetensors',
    'checkpoint.safetensors',
  ]);
});

test('other threads are told though nothing else is, and another runtime is refused unless asked for', async (t) => {
  const { out } = await stopped(t);
  const again = `${out}-2`;
  await cp(out, again, { recursive: true });
  const [warning] = await resume(out, { threads: 2 });
  t.regex(warning!, /began on cpu with 1 threads.*goes on on cpu with 2 threads.*last bits/);

  const path = join(again, 'config.json');
  const config = JSON.parse(await readFile(path, 'utf8'));
  config.execution.runtime = '1.2.3';
  await writeFile(path, sealedJson(config));
  await t.throwsAsync(resume(again), {
    code: 'RUNTIME',
    message: /executed on ONNX Runtime 1\.2\.3.*--runtime/,
  });
  const { openRuntime } = await import('../../../src/ort/library.js');
  t.regex((await resume(again, { runtime: openRuntime(stockLibraryPath()) }))[0]!, /ONNX Runtime 1\.2\.3/);
});

test('options that change nothing of a finished run are told, and those that say what was are not', async (t) => {
  const out = join(temporaryFolder(t), 'run');
  await train(settings, { out, threads: 1 });
  t.deepEqual(await resume(out, { threads: 1, device: 'cpu' }), []);
  t.deepEqual(await resume(out, { threads: 2, keepBest: true }), [
    `The run in ${out} is finished: threads, keepBest changed nothing of it. restart begins it again.`,
  ]);
});

test('verify finds each flipped bit of a finished run, and a model that was changed is not measured', async (t) => {
  const out = join(temporaryFolder(t), 'run');
  await train(settings, { ...execution, out, keepBest: true });
  const found = async () => {
    const findings: Finding[] = [];
    for await (const finding of verify(out)) findings.push(finding);
    return findings;
  };
  const files = await found();
  t.deepEqual(new Set(files.map(({ state }) => state)), new Set(['whole']));
  t.is(files.filter(({ path }) => !path.includes('tensorboard')).length, 9);
  let seed = 1;
  for (const { path } of files) {
    const bits = 8 * (await readFile(path)).length;
    for (let k = 0; k < 8; k++) {
      seed = (seed * 48271) % 2147483647;
      const bit = seed % bits;
      await flipBit(path, bit);
      const damaged = (await found())
        .filter(({ state }) => state === 'damaged')
        .map((finding) => finding.path);
      t.true(damaged.includes(path), `bit ${bit} of ${path}`);
      await flipBit(path, bit);
    }
  }
  await flipBit(join(out, 'model.onnx'), 5000);
  const refused = { code: 'INVALID_DATA', message: /model\.onnx is not as the run wrote it/ };
  await t.throwsAsync(readTrainedModel(out), refused);
  await t.throwsAsync(resume(out), refused);
  await rename(join(out, NEWEST), join(out, 'elsewhere'));
  t.true((await found()).some(({ path, state }) => path === join(out, NEWEST) && state === 'damaged'));
});

test.serial('from the first checkpoint on there is always a newest one', async (t) => {
  const root = temporaryFolder(t);
  const { operations } = await recorded(root, () =>
    train({ ...settings, epochs: 2 }, { ...execution, out: join(root, 'run'), checkpointEvery: 2 }),
  );
  const disk = new Disk();
  let writes = 0;
  for (const operation of operations) {
    disk.apply(operation);
    if (operation.kind === 'rename' && operation.to === join('run', NEWEST)) writes++;
    if (writes > 0) t.truthy(disk.read(join('run', NEWEST)));
  }
  t.is(writes, 4);
});
