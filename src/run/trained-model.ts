import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FlatminError } from '../errors.js';
import { fileDigest } from '../formats/digest.js';
import { RUN_FILES } from '../formats/run/files.js';
import type { TrainSummary } from '../formats/run/summary.js';
import { readModel } from '../onnx/model.js';
import type { ModelProto } from '../onnx/proto.js';
import { readSummary } from './summary.js';

/** The model of a finished run. @throws FlatminError NOT_FOUND; INVALID_DATA where the file is not as the run wrote it */
export async function readTrainedModel(dir: string): Promise<ModelProto> {
  const path = join(dir, RUN_FILES.model);
  if (!(await stat(path).catch(() => undefined))) {
    throw new FlatminError(
      'NOT_FOUND',
      `${dir} has no ${RUN_FILES.model}: the run is not finished; go on with it: flatmin train --resume --out ${dir}`,
    );
  }
  const summary = await readSummary(join(dir, RUN_FILES.summary));
  if (summary) await checkWritten(dir, RUN_FILES.model, summary);
  return readModel(path);
}

/** @throws FlatminError INVALID_DATA where a finished run's model or labels are there, but not as the run wrote them */
export async function checkResults(dir: string, summary: TrainSummary): Promise<void> {
  for (const name of [RUN_FILES.model, RUN_FILES.labels]) await checkWritten(dir, name, summary);
}

async function checkWritten(dir: string, name: string, { files }: TrainSummary): Promise<void> {
  const path = join(dir, name);
  const expected = files[name];
  if (expected && existsSync(path)) await checkFile(path, expected);
}

/** @throws FlatminError INVALID_DATA where a file is not as the summary has it */
export async function checkFile(path: string, expected: TrainSummary['files'][string]): Promise<void> {
  const found = await fileDigest(path);
  if (found.bytes !== expected.bytes || found.digest !== expected.digest)
    throw new FlatminError(
      'INVALID_DATA',
      `${path} is not as the run wrote it: expected ${expected.bytes} bytes of digest ${expected.digest}, but found ${found.bytes} of ${found.digest}.`,
    );
}
