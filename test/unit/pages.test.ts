import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { Command } from 'commander';
import GithubSlugger from 'github-slugger';
import MarkdownIt from 'markdown-it';
import { commandsOf } from '../../scripts/site/blocks.js';
import { equations } from '../../scripts/site/equations.js';
import { linkTarget, siteLinks } from '../../scripts/site/links.js';
import { longCells } from '../../scripts/site/long-cells.js';
import { longCode } from '../../scripts/site/long-code.js';
import { chapters, pathOnSite, REFERENCE } from '../../scripts/site/pages.js';
import { programs } from '../../scripts/site/programs.js';
import { units } from '../../scripts/site/units.js';
import { makeProgram } from '../../src/cli/main.js';

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
const read = (file: string) => readFileSync(join(REPOSITORY, file), 'utf8');
const markdown = new MarkdownIt({ html: true });

const written = chapters
  .flatMap(({ pages }) => pages.map(({ file }) => file))
  .filter((file) => !file.startsWith(REFERENCE));
const pages = ['README.md', ...written];
const signs = ['src', 'native'].flatMap((folder) =>
  readdirSync(join(REPOSITORY, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => join(folder, file))
    .filter((file) => basename(file) === 'README.md'),
);

test('every page of docs is in the sidebar, once, and each page of it is there', (t) => {
  const docs = readdirSync(join(REPOSITORY, 'docs')).filter((name) => name.endsWith('.md'));
  t.deepEqual(
    docs.filter((name) => !written.includes(`docs/${name}`)),
    [],
  );
  t.deepEqual(
    written.filter((file) => !existsSync(join(REPOSITORY, file))),
    [],
  );
  const paths = chapters.flatMap(({ pages }) => pages.map(({ file }) => pathOnSite(file)));
  t.is(new Set(paths).size, paths.length);
});

test('a number and its unit stay on one line, but in code', (t) => {
  const text = 'From 99.94 % to 2.4 × in 10 ms, not 3 months: `5 %`';
  const shown = new MarkdownIt().use(units).renderInline(text);
  t.is(shown, 'From 99.94\u00a0% to 2.4\u00a0× in 10\u00a0ms, not 3 months: <code>5 %</code>');
});

test('cells of text are marked, those of a word are not', (t) => {
  const table = `| a | b |\n|---|---|\n| yes | ${'word '.repeat(10)} |\n`;
  const shown = new MarkdownIt().use(longCells).render(table);
  t.true(shown.includes('<td>yes</td>'), shown);
  t.regex(shown, /<td class="text">word/);
});

test('long code may go on in the next line, and is not changed by it', (t) => {
  const shown = new MarkdownIt()
    .use(longCode)
    .renderInline('`a/b:c` `com.microsoft:SkipLayerNormalization<1>`');
  t.is(shown, '<code>a/b:c</code> <code>com.<wbr>microsoft:<wbr>SkipLayerNormalization&lt;1&gt;</code>');
});

test('the keyboard reaches equations', (t) => {
  t.is(
    new MarkdownIt().use(equations).render('    a = b\n'),
    '<pre tabindex="0"><code>a = b\n</code></pre>\n',
  );
});

test('a page of an example ends with its programs, others do not', (t) => {
  const shown = (file: string) => {
    const md = new MarkdownIt({ html: true });
    programs(md, REPOSITORY, () => file);
    return md.render('# Title\n');
  };
  const loss = shown('examples/own-loss/README.md');
  t.regex(loss, /<h2>main\.ts<\/h2>\s*<pre><code class="language-ts">[\s\S]*focalLoss/);
  // Highlighters know no language mjs.
  t.regex(shown('examples/notebook/README.md'), /<h2>run\.mjs<\/h2>\s*<pre><code class="language-js">/);
  t.regex(shown('examples/notebook/README.md'), /<a href="\.\.\/notebook\.html" target="_self">/);
  t.is(shown('docs/gpu.md'), '<h1>Title</h1>\n');
});

/** The anchors of a file's headings, as GitHub and the site make them. */
function anchorsOf(file: string): Set<string> {
  const slugger = new GithubSlugger();
  const tokens = markdown.parse(read(file), {});
  return new Set(
    tokens.flatMap(({ type }, i) => {
      if (type !== 'heading_open') return [];
      const text = (tokens[i + 1]!.children ?? []).filter(({ type }) => /^(text|code_inline)$/.test(type));
      return [slugger.slug(text.map(({ content }) => content).join(''))];
    }),
  );
}

/** What is wrong with the links of a file. */
function deadLinks(file: string, text = read(file)): string[] {
  const hrefs = markdown
    .parse(text, {})
    .flatMap(({ children }) => children ?? [])
    .flatMap((token) => token.attrGet('href') ?? token.attrGet('src') ?? []);
  return hrefs.flatMap((href) => {
    const target = linkTarget(file, href);
    if (!target) return [];
    if (!existsSync(join(REPOSITORY, target.path))) return [`${file}: ${href}: there is no such file`];
    if (target.anchor === undefined || anchorsOf(target.path).has(target.anchor)) return [];
    return [`${file}: ${href}: there is no such heading`];
  });
}

test('no link between pages, to files of the repository or to headings is dead', (t) => {
  t.deepEqual(
    [...pages, ...signs].flatMap((file) => deadLinks(file)),
    [],
  );
  t.deepEqual(
    deadLinks(
      'docs/gpu.md',
      '[a](paper.md#jobs) [b](nothing.md) [c](#nowhere) [d](https://a.b/c) [e](paper.md#job)',
    ),
    [
      'docs/gpu.md: nothing.md: there is no such file',
      'docs/gpu.md: #nowhere: there is no such heading',
      'docs/gpu.md: paper.md#job: there is no such heading',
    ],
  );
});

test('on the site, links lead to its pages, and those to other files are text', (t) => {
  const md = new MarkdownIt();
  siteLinks(md, () => 'docs/paper.md');
  const html = md.renderInline(
    '[a](../CONTRIBUTING.md#recipes) [b](../examples/own-loss) [c](../src/cli/main.ts) [d](#jobs) [e](https://a.b/c)',
  );
  t.is(
    html,
    '<a href="/contributing.md#recipes">a</a> <a href="/examples/own-loss.md">b</a> <span title="src/cli/main.ts in the repository">c</span> ' +
      '<a href="#jobs">d</a> <a href="https://a.b/c">e</a>',
  );
});

/** What a command line of a page has that flatmin does not know. */
function unknownIn(line: string, program: Command): string[] {
  const [, ...words] = line.split(/\s+/);
  let command = program;
  while (words[0] !== undefined && command.commands.length > 0 && /^[a-z]/.test(words[0])) {
    const found = command.commands.find((each) => each.name() === words[0]);
    if (!found) return [`${line}: there is no command ${words[0]}`];
    command = found;
    words.shift();
  }
  const known = new Set(['--help', '--version', ...command.options.map(({ long }) => long)]);
  return words
    .filter((word) => /^--[a-z]/.test(word))
    .map((word) => word.replace(/=.*$/, ''))
    .filter((flag) => !known.has(flag))
    .map((flag) => `${line}: ${command.name()} has no ${flag}`);
}

test('the commands that pages show are flatmin’s, with options that they have', (t) => {
  const program = makeProgram();
  const found = pages.flatMap((file) => commandsOf(read(file)).map((line) => [file, line] as const));
  t.true(found.length > 80, String(found.length));
  t.deepEqual(
    found.flatMap(([file, line]) => unknownIn(line, program).map((what) => `${file}: ${what}`)),
    [],
  );
  t.deepEqual(
    commandsOf(
      '```sh no-run\nflatmin train --modle a \\\n  --out b # --no\nnpx flatmin lern | flatmin bench step --batsh=2\n```',
    ).flatMap((line) => unknownIn(line, program)),
    [
      'flatmin train --modle a    --out b: train has no --modle',
      'flatmin lern: there is no command lern',
      'flatmin bench step --batsh=2: step has no --batsh',
    ],
  );
});

test('equations are set by the version of KaTeX whose style sheet the site has', (t) => {
  const require = createRequire(import.meta.url);
  const plugin = createRequire(require.resolve('@mdit/plugin-katex'));
  t.is(plugin.resolve('katex'), require.resolve('katex'));
});
