import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import ts from 'typescript';
import { blocksOf } from '../../scripts/site/blocks.js';
import { chapters, REFERENCE } from '../../scripts/site/pages.js';
import { REPOSITORY } from './packed.js';
import { project, runBlock } from './page-project.js';

/** The code of the pages, run as a reader would: `no-run` is what takes data, hours, a GPU or a network (CONTRIBUTING.md). */
const pages = ['README.md', ...chapters.flatMap(({ pages }) => pages.map(({ file }) => file))].filter(
  // Those of guides are run by guides.test.ts.
  (file) => !file.startsWith(REFERENCE) && !file.startsWith('docs/guides/'),
);
const blocks = pages.flatMap((page) =>
  blocksOf(readFileSync(join(REPOSITORY, page), 'utf8')).map((block) => ({ ...block, page })),
);
const programs = blocks.filter(({ language }) => /^[tj]s$/.test(language));

for (const page of pages) {
  const ofPage = blocks.filter(
    (block) => block.page === page && block.runs && /^(sh|[tj]s)$/.test(block.language),
  );
  if (ofPage.length === 0) continue;
  test.serial(`the code of ${page} runs`, async (t) => {
    const folder = project(t);
    for (const block of ofPage) await t.notThrowsAsync(runBlock(block, folder), `${page}:${block.line}`);
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
