import { stat } from 'node:fs/promises';
import { writeModel } from '../src/onnx/model.js';
import { exportedModels, exportModel } from './exported-models.js';

// Writes onnx-models/ anew; run from the repository root.
for (const exported of exportedModels) {
  const path = `onnx-models/${exported.file}`;
  await writeModel(await exportModel(exported), path);
  console.log(`${path}: ${(await stat(path)).size} bytes`);
}
