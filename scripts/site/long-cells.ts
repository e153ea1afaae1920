import type MarkdownIt from 'markdown-it';

/** Characters from which on a cell is read as text, and not at a glance. */
const TEXT = 40;

/** Marks cells of tables that hold text: on a phone they keep a width that can be read. */
export function longCells(md: MarkdownIt): void {
  md.core.ruler.push('long-cells', ({ tokens }) => {
    for (const [i, token] of tokens.entries())
      if (token.type === 'td_open' && tokens[i + 1]!.content.length >= TEXT) token.attrJoin('class', 'text');
  });
}
