import type MarkdownIt from 'markdown-it';
import { LINE } from './short-code.js';

/** Lets code within the text that is longer than a line of a phone go on in the next one, behind '/', ':', '.' and '_'. */
export function longCode(md: MarkdownIt): void {
  const rule = md.renderer.rules.code_inline!;
  md.renderer.rules.code_inline = (tokens, i, options, env, self) => {
    const html = rule(tokens, i, options, env, self);
    if (tokens[i]!.content.length <= LINE) return html;
    return html.replace(/>(.*)</s, (_, text: string) => `>${text.replace(/[/:._](?=\w)/g, '$&<wbr>')}<`);
  };
}
