import { readdirSync, readFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import type MarkdownIt from 'markdown-it';

/** What `npm run docs` has an example write beside the site's pages, by the example's page. */
const WRITTEN: Readonly<Record<string, string>> = { 'examples/notebook/README.md': 'notebook.html' };

/**
 * On the site a page of an example ends with its programs, which in the repository lie beside it.
 * @param fileOf the file of the repository that is rendered, by what the renderer knows of it
 */
export function programs(md: MarkdownIt, repository: string, fileOf: (env: unknown) => string): void {
  md.core.ruler.before('normalize', 'programs', (state) => {
    const page = fileOf(state.env);
    if (!/^examples\/[\w-]+\/README\.md$/.test(page)) return;
    const folder = join(repository, dirname(page));
    for (const name of readdirSync(folder).filter((name) => /\.m?[jt]s$/.test(name)))
      state.src += `\n## ${name}\n\n\`\`\`\`${language(name)}\n${readFileSync(join(folder, name), 'utf8')}\`\`\`\`\n`;
    const written = WRITTEN[page];
    // No page of VitePress: the browser is to fetch it.
    if (written) state.src += `\n## ${written}\n\n<a href="../${written}" target="_self">What it wrote</a>\n`;
  });
}

/** What highlighters call the language of a program: `js` also for `mjs`. */
const language = (name: string): string => extname(name).replace(/^\.m?/, '');
