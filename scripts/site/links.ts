import { posix } from 'node:path';
import type MarkdownIt from 'markdown-it';
import { pathOnSite } from './pages.js';

/** Where a link leads: a file or folder of the repository, and a heading in it. */
export interface Target {
  readonly path: string;
  readonly anchor: string | undefined;
}

/** What a link in a file of the repository means; nothing where it leads out of the repository. */
export function linkTarget(file: string, href: string): Target | undefined {
  if (/^([a-z]+:|\/\/)/i.test(href)) return undefined;
  const [path = '', anchor] = decodeURI(href).split('#');
  return { path: path === '' ? file : posix.join(posix.dirname(file), path), anchor };
}

/**
 * Pages are written for the repository. On the site a link to one of its pages leads there, and what leads to another file of the
 * repository is its text.
 * @param fileOf the file of the repository that is rendered, by what the renderer knows of it
 */
export function siteLinks(md: MarkdownIt, fileOf: (env: unknown) => string): void {
  md.core.ruler.push('site-links', ({ tokens, env }) => {
    for (const { children } of tokens) {
      let isText = false;
      for (const token of children ?? []) {
        if (token.type === 'link_open') {
          const href = token.attrGet('href') ?? '';
          // Those within a page stay: the search finds headings by them.
          const target = href.startsWith('#') ? undefined : linkTarget(fileOf(env), href);
          const page =
            target && (pathOnSite(target.path) ?? pathOnSite(posix.join(target.path, 'README.md')));
          isText = target !== undefined && page === undefined;
          if (page !== undefined)
            token.attrSet('href', `/${page}${target!.anchor === undefined ? '' : `#${target!.anchor}`}`);
          if (isText) asHtml(token, `<span title="${md.utils.escapeHtml(target!.path)} in the repository">`);
        } else if (token.type === 'link_close' && isText) {
          asHtml(token, '</span>');
          isText = false;
        }
      }
    }
  });
}

function asHtml(token: { type: string; content: string }, content: string): void {
  token.type = 'html_inline';
  token.content = content;
}
