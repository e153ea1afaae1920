import { join } from 'node:path';
import test from 'ava';
import { InferenceSession } from 'onnxruntime-node';
import { readModel } from '../../src/onnx/model.js';
import { runCli, temporaryFolder } from './run-cli.js';

test('bench step times steps and shares the time out', async (t) => {
  const { code, stdout, stderr } = await runCli(
    ...['bench', 'step', '--model', 'wrn-10-1', '--batch', '8', '--optimizer', 'sam', '--steps', '3'],
    ...['--warmup', '1', '--threads', '2', '--json'],
  );
  t.is(code, 0, stderr);
  t.regex(stdout, /^[^\n]+\n$/);
  const report = JSON.parse(stdout);
  t.like(report, { model: 'wrn-10-1', batch: 8, steps: 3, warmup: 1, threads: 2 });
  t.like(report.optimizer, { optimizer: 'sam', rho: 0.05 });
  const { gradientShare, optimizerShare, dataShare } = report;
  t.true(gradientShare > 0.3 && optimizerShare > 0 && dataShare >= 0);
  t.true(Math.abs(gradientShare + optimizerShare + dataShare - 1) < 1e-9);
  t.true(Math.abs(report.imagesPerSecond * report.secondsPerStep - 8) < 1e-6);
  t.true(report.buildSeconds > 0 && report.peakRssBytes > 2 ** 25 && Number.isFinite(report.loss));
});

for (const form of ['standard', 'training']) {
  test(`export writes the training graph, ${form} form, without weights`, async (t) => {
    const out = join(temporaryFolder(t), 'graph.onnx');
    const { code, stderr } = await runCli(
      ...['export', '--model', 'wrn-10-1', '--form', form, '--batch', '4', '--input', '1x8x8', '--out', out],
    );
    t.is(code, 0, stderr);
    const { graph } = await readModel(out);
    const inputs = graph.input.map(({ name }) => name!);
    for (const name of ['images', 'labels', 'stem.conv.weight', 'final.bn.mean'])
      t.true(inputs.includes(name));
    t.is(graph.output.length, inputs.length - 1, 'a loss, and a gradient or new statistic for every weight');
    const constants = graph.initializer.reduce((sum, { rawData }) => sum + (rawData?.length ?? 0), 0);
    t.true(constants < 10_000, `${constants} bytes of constants`);
    const usesTrainingOps = graph.node.some(({ domain }) => domain === 'com.microsoft');
    t.is(usesTrainingOps, form === 'training');
    if (form === 'standard')
      t.deepEqual((await InferenceSession.create(out)).inputNames.length, inputs.length);
  });
}

test('an exported graph of another loss has float targets', async (t) => {
  const out = join(temporaryFolder(t), 'graph.onnx');
  const { code, stderr } = await runCli(
    ...['export', '--model', 'mlp-8', '--input', '1x2x2', '--classes', '3', '--loss', 'mse', '--out', out],
  );
  t.is(code, 0, stderr);
  const { graph } = await readModel(out);
  t.truthy(graph.input.find(({ name }) => name === 'targets'));
});
