import type MarkdownIt from 'markdown-it';

/** Equations that are indented are code blocks of no language, and scroll: the keyboard is to reach them, as it does other blocks of code. */
export function equations(md: MarkdownIt): void {
  md.core.ruler.push('equations', ({ tokens }) => {
    for (const token of tokens) if (token.type === 'code_block') token.attrSet('tabindex', '0');
  });
}
