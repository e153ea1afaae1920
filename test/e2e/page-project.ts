import { execFile } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import type { Block } from '../../scripts/site/blocks.js';
import { REPOSITORY } from './packed.js';
import { temporaryFolder } from './run-cli.js';

/** A project that has flatmin, the command, the clone's examples, and pictures in the form of CIFAR-10. */
export function project(t: Parameters<typeof temporaryFolder>[0]): string {
  const folder = temporaryFolder(t);
  for (const [link, target] of [
    ['node_modules/flatmin', '.'],
    ['node_modules/@types/node', 'node_modules/@types/node'],
    ['node_modules/onnxruntime-node', 'node_modules/onnxruntime-node'],
    ['node_modules/sharp', 'node_modules/sharp'],
    ['node_modules/@huggingface', 'node_modules/@huggingface'],
    ['examples', 'examples'],
    ['bin/flatmin', 'bin/flatmin.js'],
  ] as const) {
    mkdirSync(join(folder, dirname(link)), { recursive: true });
    symlinkSync(join(REPOSITORY, target), join(folder, link));
  }
  const records = Buffer.from(Array.from({ length: 13 * (1 + 3 * 32 * 32) }, (_, i) => i % 10));
  mkdirSync(join(folder, 'data'));
  for (const name of [
    'data_batch_1',
    'data_batch_2',
    'data_batch_3',
    'data_batch_4',
    'data_batch_5',
    'test_batch',
  ])
    writeFileSync(join(folder, `data/${name}.bin`), records);
  return folder;
}

/** Runs a block of a page. @returns what it prints: stdout, then stderr */
export async function runBlock(block: Block, folder: string): Promise<string> {
  const env = {
    ...process.env,
    PATH: [join(folder, 'bin'), dirname(process.execPath), process.env.PATH].join(delimiter),
  };
  const [command, args] =
    block.language === 'sh'
      ? ['bash', ['-euo', 'pipefail', '-c', block.code]]
      : [process.execPath, [writeProgram(block, folder)]];
  const { stdout, stderr } = await promisify(execFile)(command, args, { cwd: folder, env });
  return stdout + stderr;
}

function writeProgram(block: Block, folder: string): string {
  const file = join(folder, `line-${block.line}.mjs`);
  const { target, module } = { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext };
  // One epoch shows that it runs.
  const code = block.code.replace(/epoch < \d+/, 'epoch < 1');
  writeFileSync(file, ts.transpile(code, { target, module }));
  return file;
}
