import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { runExperiment } from '../../../src/experiment/run-experiment.js';
import { temporaryFolder } from '../../e2e/run-cli.js';
import { experiment } from './documents.js';

test('a precision that the device has not is told once, and nothing is written', async (t) => {
  const out = join(temporaryFolder(t), 'out');
  const document = { ...experiment, settings: { ...experiment.settings, precision: 'tf32' as const } };
  await t.throwsAsync(runExperiment(document, { out, scale: 'tiny' }), {
    code: 'INVALID_ARGUMENT',
    message: /precision to be fp32, fp16 or bf16 on the CPU/,
  });
  t.false(existsSync(out));
});
