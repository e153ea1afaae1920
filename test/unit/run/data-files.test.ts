import { mkdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { dataFiles, isSameData } from '../../../src/data/data-files.js';
import { mlp } from '../../../src/models/mlp.js';
import { writeModel } from '../../../src/onnx/model.js';
import { train } from '../../../src/run/train.js';
import { abortedAfter } from '../../aborted-after.js';
import { temporaryFolder } from '../data/sets.js';

test('data are the same where content is, whatever the times, and others where sizes, names or bytes differ', async (t) => {
  const folder = join(await temporaryFolder(t), 'data');
  await mkdir(join(folder, 'train'), { recursive: true });
  const [one, two] = [join(folder, 'one.csv'), join(folder, 'train', 'two.csv')];
  await writeFile(one, 'a');
  await writeFile(two, 'b'.repeat(200_000));
  const spec = `csv:${folder}`;
  const before = (await dataFiles(spec))!;
  t.is(before.files, 2);
  t.deepEqual(await dataFiles(spec, before), before);
  await utimes(one, 1, 1);
  const touched = (await dataFiles(spec, before))!;
  t.not(touched.state, before.state);
  t.true(isSameData(before, touched));
  await writeFile(two, `${'b'.repeat(199_999)}c`);
  t.false(isSameData(before, (await dataFiles(spec, before))!));
  await writeFile(two, 'b'.repeat(200_000));
  t.true(isSameData(before, (await dataFiles(spec, before))!));
  await rm(two);
  t.false(isSameData(before, (await dataFiles(spec, before))!));
  t.is(await dataFiles('digits'), undefined);
  t.is(await dataFiles('hf:owner/name'), undefined);
  t.is((await dataFiles(`npy:${one},two.npy`))!.files, 2);
});

test('a run is not resumed on data that changed', async (t) => {
  const folder = await temporaryFolder(t);
  const [model, data, out] = [join(folder, 'model.onnx'), join(folder, 'a.csv'), join(folder, 'run')];
  await writeModel(mlp({ inputShape: [2], hidden: [4], classes: 2 }), model);
  const rows = (shift: number) =>
    `a,b,label\n${Array.from({ length: 64 }, (_, i) => `${i + shift},1,${i % 2}`).join('\n')}\n`;
  await writeFile(data, rows(0));
  const settings = { model, data: `csv:${data}`, batch: 8, epochs: 3, lr: 1e-4 };
  await t.throwsAsync(train(settings, { out, threads: 1, signal: abortedAfter(5) }), { code: 'INTERRUPTED' });
  const config = await readFile(join(out, 'config.json'), 'utf8');
  t.is(JSON.parse(config).dataFiles.files, 1);
  await writeFile(data, rows(1));
  await t.throwsAsync(train({}, { out, resume: true, threads: 1 }), {
    code: 'INVALID_DATA',
    message: /Cannot resume: csv:.*a\.csv is not what it was when the run began\. Put the files back/,
  });
  t.is(await readFile(join(out, 'config.json'), 'utf8'), config);
  await writeFile(`${data}.new`, rows(0));
  await rename(`${data}.new`, data);
  const summary = await train({}, { out, resume: true, threads: 1 });
  t.is(summary.steps, 21);
  t.is(summary.samples, 'rows');
});
