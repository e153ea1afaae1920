import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import ts from 'typescript';
import { type Block, blocksOf } from '../../scripts/site/blocks.js';
import { chapters, REFERENCE } from '../../scripts/site/pages.js';
import { REPOSITORY } from './packed.js';
import { temporaryFolder } from './run-cli.js';

/** The code of the pages, run as a reader would: `no-run` is what takes data, hours, a GPU or a network (CONTRIBUTING.md). */
const pages = ['README.md', ...chapters.flatMap(({ pages }) => pages.map(({ file }) => file))].filter(
  (file) => !file.startsWith(REFERENCE),
);
const blocks = pages.flatMap((page) =>
  blocksOf(readFileSync(join(REPOSITORY, page), 'utf8')).map((block) => ({ ...block, page })),
);
const programs = blocks.filter(({ language }) => /^[tj]s$/.test(language));

/** A project that has flatmin, the command, the clone's examples, and pictures in the form of CIFAR-10. */
function project(t: Parameters<typeof temporaryFolder>[0]): string {
  const folder = temporaryFolder(t);
  for (const [link, target] of [
    ['node_modules/flatmin', '.'],
    ['node_modules/@types/node', 'node_modules/@types/node'],
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

async function run(block: Block, folder: string): Promise<string> {
  const env = {
    ...process.env,
    PATH: [join(folder, 'bin'), dirname(process.execPath), process.env.PATH].join(delimiter),
  };
  if (block.language === 'sh')
    return (await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', block.code], { cwd: folder, env }))
      .stdout;
  const file = join(folder, `line-${block.line}.mjs`);
  const { target, module } = { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext };
  // One epoch shows that it runs.
  const code = block.code.replace(/epoch < \d+/, 'epoch < 1');
  writeFileSync(file, ts.transpile(code, { target, module }));
  return (await promisify(execFile)(process.execPath, [file], { cwd: folder, env })).stdout;
}

for (const page of pages) {
  const ofPage = blocks.filter(
    (block) => block.page === page && block.runs && /^(sh|[tj]s)$/.test(block.language),
  );
  if (ofPage.length === 0) continue;
  test.serial(`the code of ${page} runs`, async (t) => {
    const folder = project(t);
    for (const block of ofPage) await t.notThrowsAsync(run(block, folder), `${page}:${block.line}`);
  });
}

test.serial('the types of the pages’ programs are right', (t) => {
  const folder = project(t);
  const files = programs
    .filter(({ language }) => language === 'ts')
    .map(({ page, line, code }) => {
      const file = join(folder, `${page.replaceAll('/', '-')}-${line}.mts`);
      writeFileSync(file, code);
      return file;
    });
  t.true(files.length > 2);
  writeFileSync(join(folder, 'wrong.mts'), "import { SGD } from 'flatmin';\nnew SGD({ lr: 'high' });\n");
  const program = ts.createProgram([...files, join(folder, 'wrong.mts')], {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    types: ['node'],
    typeRoots: [join(folder, 'node_modules/@types')],
  });
  const found = ts
    .getPreEmitDiagnostics(program)
    .map(
      ({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    );
  t.is(found.length, 1, found.join('\n'));
  t.regex(found[0]!, /wrong\.mts: Type 'string' is not assignable/);
});
