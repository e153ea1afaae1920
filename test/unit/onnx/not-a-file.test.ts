import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { readModel } from '../../../src/onnx/model.js';

test('what is no file with content is refused before it is read', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'flatmin-model-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const [pipe, empty] = [join(folder, 'pipe.onnx'), join(folder, 'empty.onnx')];
  execFileSync('mkfifo', [pipe]);
  writeFileSync(empty, '');
  const cases: [string, string][] = [
    ['/dev/zero', 'it is a device, not a file'],
    [pipe, 'it is a pipe, not a file'],
    [folder, 'it is a folder, not a file'],
    [empty, 'it is empty'],
    ['/proc/self/maps', 'it is empty'],
  ];
  for (const [path, why] of cases)
    await t.throwsAsync(readModel(path), {
      code: 'INVALID_MODEL',
      message: `Cannot read the model ${path}: ${why}.`,
    });
});
