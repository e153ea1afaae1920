import { readFile } from 'node:fs/promises';
import { fetchOrtHeader } from './fetch-ort-header.js';
import { declaredFunctions, differences } from './ort-header.js';

// Compares native/ort/ort_api.h with ONNX Runtime's C headers: those named, or those on Maven. Run from the repository root.
const paths = process.argv.slice(2);
const header =
  paths.length > 0
    ? (await Promise.all(paths.map((path) => readFile(path, 'utf8')))).join('\n')
    : await fetchOrtHeader();
const source = await readFile('native/ort/ort_api.h', 'utf8');
const found = differences(source, header);
for (const line of found) console.error(line);
if (found.length === 0)
  console.log(
    `native/ort/ort_api.h agrees with the header on ${declaredFunctions(source).length} functions.`,
  );
else process.exitCode = 1;
