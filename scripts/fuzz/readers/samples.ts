import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { create } from 'tar';
import { loadCifar100 } from '../../../src/data/sets/cifar.js';
import { downloadCifar } from '../../../src/data/sets/download.js';
import { table2 } from '../../../src/experiment/builtin/table2.js';
import { openExperiment } from '../../../src/experiment/open.js';
import { planExperiment } from '../../../src/experiment/plan.js';
import { sealedJson } from '../../../src/formats/digest.js';
import { parseNpy } from '../../../src/formats/npy.js';
import { readNpz } from '../../../src/formats/npz.js';
import { parseMetricsLine } from '../../../src/formats/run/metrics.js';
import { readSafetensors, writeSafetensors } from '../../../src/formats/safetensors.js';
import { checkEvents, EventFileWriter } from '../../../src/formats/tensorboard.js';
import { mlp } from '../../../src/models/mlp.js';
import { readModel, writeModel } from '../../../src/onnx/model.js';
import { makeReport } from '../../../src/report/report.js';
import { openCheckpoint } from '../../../src/run/checkpoint/file.js';
import { initialState, stateToText } from '../../../src/run/checkpoint/state.js';
import { readRunConfig } from '../../../src/run/folder/run-folder.js';
import { readSummary } from '../../../src/run/summary.js';
import { verify } from '../../../src/run/verify/verify.js';
import { npy } from '../../../test/fixtures/npy.js';
import * as report from '../../../test/unit/report/folders.js';
import { type Files, innerFolder, writeFiles } from './folder.js';

/** Whole files, and what reads them. */
export interface Sample {
  /** @param folder an empty one to work in */
  files(folder: string): Files | Promise<Files>;
  read(folder: string): Promise<unknown>;
}

const ones = (dims: readonly number[], fortran = false): Uint8Array => {
  const count = dims.reduce((product, dim) => product * dim, 1);
  return npy('<f4', dims, new Float32Array(count).fill(1), { fortran });
};

/** The one file that `make` writes to a path. */
async function written(
  folder: string,
  name: string,
  make: (path: string) => Promise<unknown>,
): Promise<Files> {
  const dir = await innerFolder(folder);
  await make(join(dir, name));
  return Object.fromEntries(
    await Promise.all((await readdir(dir)).map(async (each) => [each, await readFile(join(dir, each))])),
  );
}

const tensors = [
  { name: 'model/a', dtype: 'F32' as const, shape: [2, 3], data: new Float32Array(6).fill(0.5) },
  { name: 'model/b', dtype: 'I64' as const, shape: [], data: new BigInt64Array(1) },
];
const run = { id: '4cd0c9a4-0000-4000-8000-000000000000', checkpointed: true };
const checkpoint = {
  format: 'flatmin-checkpoint',
  version: '2',
  run: run.id,
  seed: '0',
  metricsBytes: '0',
  metricsDigest: '00000000',
  lossScale: '{"scale":1024}',
  ...stateToText(initialState()),
};
const writeCheckpoint = (folder: string) =>
  written(folder, 'checkpoint.safetensors', (path) =>
    writeSafetensors(path, tensors, checkpoint, { digests: true }),
  );
const runFiles: Files = {
  'config.json': sealedJson({ ...report.config('sam'), seed: 0, run }),
  'metrics.jsonl': report.metrics(3, 'sam'),
  'summary.json': sealedJson(report.summary),
  'evaluation.json': sealedJson(report.evaluation),
};
const reportFiles: Files = {
  ...runFiles,
  'sharpness.json': JSON.stringify(report.sharpness),
  'landscape-1d.json': JSON.stringify(report.curves),
  'landscape-2d.json': JSON.stringify(report.surface),
};

async function readAll(dir: string): Promise<void> {
  for await (const _ of verify(dir));
}

async function readLines(path: string): Promise<void> {
  for (const line of (await readFile(path, 'utf8')).split('\n'))
    if (line !== '') parseMetricsLine(line, path);
}

export const samples: Readonly<Record<string, Sample>> = {
  safetensors: {
    files: (folder) =>
      written(folder, 'a.safetensors', (path) => writeSafetensors(path, tensors, { a: 'b' })),
    read: (folder) => readSafetensors(join(folder, 'a.safetensors')),
  },
  npy: {
    files: () => ({ 'a.npy': ones([2, 3, 2], true) }),
    read: async (folder) => parseNpy(await readFile(join(folder, 'a.npy')), 'a.npy'),
  },
  npz: {
    files: () => ({ 'a.npz': zipSync({ 'x.npy': ones([4]), 'y.npy': ones([2, 2], true) }) }),
    read: (folder) => readNpz(join(folder, 'a.npz')),
  },
  cifar: {
    files: () => ({
      'train.bin': new Uint8Array(2 * 3074).fill(5),
      'test.bin': new Uint8Array(3074).fill(99),
    }),
    read: loadCifar100,
  },
  tar: {
    files: (folder) =>
      written(folder, 'a.tar.gz', async (path) => {
        const dir = await innerFolder(folder);
        const name = 'cifar-100-binary';
        await writeFiles(dir, { [`${name}/train.bin`]: 'train', [`${name}/test.bin`]: 'test' });
        await create({ file: path, cwd: dir }, [name]);
      }),
    async read(folder) {
      const from = join(folder, 'a.tar.gz');
      const md5 = createHash('md5')
        .update(await readFile(from))
        .digest('hex');
      return downloadCifar('cifar100', join(folder, 'out'), { from, md5 });
    },
  },
  metrics: {
    files: () => ({ 'metrics.jsonl': report.metrics(1, 'sam') }),
    read: (folder) => readLines(join(folder, 'metrics.jsonl')),
  },
  config: {
    files: () => ({ 'config.json': runFiles['config.json']! }),
    read: readRunConfig,
  },
  summary: {
    files: () => ({ 'summary.json': runFiles['summary.json']! }),
    read: (folder) => readSummary(join(folder, 'summary.json')),
  },
  checkpoint: {
    files: writeCheckpoint,
    read: (folder) => openCheckpoint(join(folder, 'checkpoint.safetensors'), { run: run.id, seed: 0 }),
  },
  verify: {
    files: async (folder) => ({
      ...runFiles,
      ...(await writeCheckpoint(folder)),
      'job.json': sealedJson({
        id: 'a',
        data: 'digits',
        variant: 'v',
        seed: 0,
        metrics: { a: 1 },
        seconds: {},
      }),
      'failure.json': sealedJson(report.failure('no')),
      'results.json': sealedJson(report.results),
    }),
    read: readAll,
  },
  report: {
    files: () => reportFiles,
    read: (folder) => makeReport(folder, { version: '0.0.0' }),
  },
  'report of a comparison': {
    files: () => ({
      ...Object.fromEntries(Object.entries(reportFiles).map(([name, content]) => [`sam/${name}`, content])),
      'config.json': sealedJson({ compare: ['sam', 'sgd'], settings: report.config('sam'), run }),
    }),
    read: (folder) => makeReport(folder, { version: '0.0.0' }),
  },
  'report of an experiment': {
    files: () => ({
      ...Object.fromEntries(
        Object.entries(reportFiles).map(([name, content]) => [`jobs/a/run/${name}`, content]),
      ),
      'jobs/b/failure.json': sealedJson(report.failure('no')),
      'results.json': sealedJson({
        ...report.results,
        table: [
          {
            data: 'digits',
            variant: 'a',
            label: 'a',
            cells: [
              {
                metric: 'accuracy',
                measured: { mean: 0.9, std: 0.1, n: 2 },
                paper: { mean: 90, std: '<0.1' },
              },
            ],
          },
        ],
      }),
    }),
    read: (folder) => makeReport(folder, { version: '0.0.0' }),
  },
  'report of measurements': {
    files: () => ({
      'bench-scale.json': JSON.stringify({
        results: [{ model: 'a', optimizer: 'sam', threads: 1, batch: 8, secondsPerStep: 1, torch: [] }],
      }),
      'bench-kernels.json': JSON.stringify({
        kernels: [{ op: 'Conv', inputs: ['2×3'], count: 1, seconds: 1, share: 1, limit: 'memory' }],
        secondsPerStep: 1,
        roofline: { flopPerSecond: 1e9, bytesPerSecond: 1e9 },
      }),
      'bench-memory.json': JSON.stringify({
        batches: [{ batch: 1, peak: 10 }],
        largestBatch: 4,
        limitBytes: 100,
      }),
      'bench-step.json': JSON.stringify({ secondsPerStep: 1, model: 'a', parts: { forward: 0.5 } }),
      'bench-torch.json': JSON.stringify({
        peers: [{ name: 'torch', precision: 'fp32', secondsPerStep: 1, imagesPerSecond: 8, peakBytes: 10 }],
        best: 'torch',
        flatmin: { threads: 1 },
      }),
    }),
    read: (folder) => makeReport(folder, { version: '0.0.0' }),
  },
  experiment: {
    files: () => ({ 'own.json': JSON.stringify(table2) }),
    async read(folder) {
      const experiment = await openExperiment(join(folder, 'own.json'));
      for (const [scale, { data }] of Object.entries(experiment.scales)) {
        const folders = data.filter((name) => name !== 'digits').map((name) => [name, folder]);
        planExperiment(experiment, { scale, data: Object.fromEntries(folders) });
      }
    },
  },
  'external data': {
    files: (folder) =>
      written(folder, 'model.onnx', (path) =>
        writeModel(mlp({ inputShape: [8], hidden: [32], classes: 10 }), path, { externalData: true }),
      ),
    read: (folder) => readModel(join(folder, 'model.onnx')),
  },
  tensorboard: {
    files: (folder) =>
      written(folder, 'unused', async (path) => {
        const writer = await EventFileWriter.open(join(path, '..'));
        writer.scalar('loss', 0.5, 1);
        await writer.close();
      }),
    async read(folder) {
      for (const name of await readdir(folder))
        if (name.startsWith('events')) await checkEvents(join(folder, name));
    },
  },
};
