import { chmodSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import test from 'ava';
import { describeGpus } from '../../../src/provision/gpu.js';
import { temporaryFolder } from './jars.js';

const { PATH } = process.env;

test.afterEach.always(() => {
  process.env.PATH = PATH;
});

test.serial('the GPUs and the driver that nvidia-smi tells of', async (t) => {
  const folder = temporaryFolder(t);
  const script = `#!/bin/sh
echo "0, NVIDIA H100 80GB HBM3, 81559, 9.0, 580.65.06"
echo "1, NVIDIA GeForce RTX 4090, 24564, 8.9, 580.65.06"`;
  writeFileSync(join(folder, 'nvidia-smi'), script);
  chmodSync(join(folder, 'nvidia-smi'), 0o755);
  process.env.PATH = `${folder}${delimiter}${PATH}`;
  t.deepEqual(await describeGpus(), {
    driverVersion: '580.65.06',
    gpus: [
      { ordinal: 0, name: 'NVIDIA H100 80GB HBM3', memoryMebibytes: 81559, computeCapability: '9.0' },
      { ordinal: 1, name: 'NVIDIA GeForce RTX 4090', memoryMebibytes: 24564, computeCapability: '8.9' },
    ],
  });
});

test.serial('without nvidia-smi the GPUs are unknown', async (t) => {
  process.env.PATH = temporaryFolder(t);
  t.is((await describeGpus()).gpus, null);
});
