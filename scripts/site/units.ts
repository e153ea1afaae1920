import type MarkdownIt from 'markdown-it';

const BEFORE_UNIT = /(?<=\d) (?=[%×]|[kMGT]i?B\b|[mµ]?s\b)/g;

/** Keeps a number and its unit on one line, in cells of tables above all. */
export function units(md: MarkdownIt): void {
  md.core.ruler.push('units', ({ tokens }) => {
    for (const { children } of tokens)
      for (const token of children ?? [])
        if (token.type === 'text') token.content = token.content.replace(BEFORE_UNIT, '\u00a0');
  });
}
