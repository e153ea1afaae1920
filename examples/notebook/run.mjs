// Runs a notebook, a program in cells that begin with `// %%`, and writes a page of its text, code, output and figures.
// node examples/notebook/run.mjs [where the page goes] [the notebook]
import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { format } from 'node:util';
import MarkdownIt from 'markdown-it';

const [out = 'notebook.html', given] = process.argv.slice(2);
const notebook = given ?? fileURLToPath(new URL('notebook.mjs', import.meta.url));
const markdown = new MarkdownIt();
const escaped = markdown.utils.escapeHtml;

const cells = (await readFile(notebook, 'utf8')).split(/^(?=\/\/ %%)/m).map((cell) => {
  const [head, ...lines] = cell.trim().split('\n');
  const text = lines.join('\n').trim();
  return head.includes('[markdown]')
    ? { html: markdown.render(text.replace(/^\/\/ ?/gm, '')), code: '' }
    : { html: `<pre class="code">${escaped(text)}</pre>`, code: text };
});

// All cells are one module, in which each says that it begins.
let current = cells[0];
globalThis.beginCell = (i) => (current = cells[i]);
/** Puts a figure, as HTML, below the cell. */
globalThis.show = (html) => (current.html += `<figure>${html}</figure>`);
const { log } = console;
console.log = (...values) => {
  log(...values);
  current.html += `<pre class="output">${escaped(format(...values))}</pre>`;
};

const program = join(dirname(resolve(notebook)), `.cells-${process.pid}.mjs`);
try {
  await writeFile(program, cells.map(({ code }, i) => `beginCell(${i});\n${code}\n`).join(''));
  await import(pathToFileURL(program));
} finally {
  await rm(program, { force: true });
}

await writeFile(
  out,
  `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Notebook</title>
<style>
  :root { color-scheme: light dark; }
  body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.6 system-ui, sans-serif; }
  pre { overflow-x: auto; margin: 0; padding: 0.25rem 1rem; font: 13px/1.5 ui-monospace, monospace; }
  .code { padding-block: 0.75rem; border-left: 3px solid #8888; background: #8881; }
  figure { margin: 1rem 0; overflow-x: auto; }
  figure svg { max-width: 100%; height: auto; background: #fff; }
  iframe { box-sizing: border-box; width: 100%; height: 32rem; border: 1px solid #8888; }
</style>
${cells.map(({ html }) => html).join('\n')}
</html>
`,
);
console.log = log;
console.log(out);
