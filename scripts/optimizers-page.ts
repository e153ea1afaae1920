import { readdir, readFile } from 'node:fs/promises';
import ts from 'typescript';
import { flagOf } from '../src/cli/schema-option.js';
import { optimizers } from '../src/optim/index.js';
import { aboutOf, type Options } from '../src/options/option.js';

const folder = new URL('../../src/optim/', import.meta.url);
const START = '<!-- optimizers: npm run docs -->';
const END = '<!-- /optimizers -->';

const cell = (text: string): string => text.replaceAll('|', '\\|');

/** The table of README.md. */
const table = (): string =>
  [
    '| `--optimizer` | step, with g the gradient of all parameters as one vector | gradients |',
    '|---|---|---|',
    ...optimizers.map(({ name, step, gradients }) => `| \`${name}\` | ${cell(step)} | ${gradients} |`),
  ].join('\n');

/** README.md with the table that the declarations say. @throws Error where it has no place for it */
export function withTable(readme: string): string {
  const [start, end] = [readme.indexOf(START), readme.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`README.md has no ${START} … ${END}.`);
  return `${readme.slice(0, start + START.length)}\n${table()}\n${readme.slice(end)}`;
}

/** docs/optimizers.md: of each optimizer what its file says of it, and its settings. */
export async function optimizersPage(): Promise<string> {
  const sections = await Promise.all(
    optimizers.map(async ({ name, gradients, settings, wraps }) => {
      const said = await docstringOf(name);
      const kind = wraps
        ? `wraps \`--base\`; gradients a step: ${gradients}`
        : `gradients a step: ${gradients}`;
      return `## ${name}\n\n${said}\n\n(${kind})\n\n${settingsTable(settings)}\n`;
    }),
  );
  return [
    '# Optimizers',
    '',
    'Written by `npm run docs` from `src/optim`: each file says what its optimizer does, where it comes from and what may be set.',
    '`CONTRIBUTING.md` says how to add one.',
    '',
    table(),
    '',
    ...sections,
  ].join('\n');
}

function settingsTable(settings: Options): string {
  const rows = Object.entries(settings).map(([name, schema]) => {
    const {
      help,
      symbol,
      default: value,
      byDefault = value === null ? 'none' : String(value),
    } = aboutOf(schema);
    return `| \`${name}\` | \`${flagOf(name)}\` | ${cell(symbol ?? '')} | ${cell(help)} | ${byDefault} |`;
  });
  return ['| setting | option | symbol | what it is | default |', '|---|---|---|---|---|', ...rows].join(
    '\n',
  );
}

/** The docstring of the class in the file that declares an optimizer: prose, and its indented lines as equations. */
async function docstringOf(name: string): Promise<string> {
  for (const file of await readdir(folder)) {
    if (!file.endsWith('.ts')) continue;
    const text = await readFile(new URL(file, folder), 'utf8');
    if (!text.includes(`name: '${name}'`)) continue;
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
    const found = source.statements.find(ts.isClassDeclaration);
    const [doc] = found ? ts.getJSDocCommentsAndTags(found) : [];
    if (doc) return asMarkdown(doc.getText(source));
  }
  throw new Error(`No class with a docstring declares the optimizer ${name}.`);
}

const asMarkdown = (comment: string): string =>
  comment
    .replace(/^\/\*\*|\*\/$/g, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, ''))
    .map((line) => (/^ {2}\S/.test(line) ? `  ${line}` : line))
    .join('\n')
    .trim();
