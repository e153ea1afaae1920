import type MarkdownIt from 'markdown-it';

/** Characters that fit a line of a phone, or of a cell of a table. */
export const LINE = 24;

/** Marks code within the text that is short enough to stay on one line: browsers break it after hyphens. */
export function shortCode(md: MarkdownIt): void {
  md.core.ruler.push('short-code', ({ tokens }) => {
    for (const { children } of tokens)
      for (const token of children ?? [])
        if (token.type === 'code_inline' && token.content.length <= LINE) token.attrJoin('class', 'short');
  });
}
