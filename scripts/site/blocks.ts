import MarkdownIt from 'markdown-it';

/** A block of code of a page. */
export interface Block {
  readonly language: string;
  /** Whether it says so: no-run. */
  readonly runs: boolean;
  readonly code: string;
  /** Where it begins, counted from 1. */
  readonly line: number;
}

/** How flatmin is called where it is not on the path. */
const CALL = /^(\w+=\S+ )*(npx flatmin|\S*node \S*bin\/flatmin\.js)(?= )/;

const markdown = new MarkdownIt({ html: true });

export function blocksOf(page: string): Block[] {
  return markdown
    .parse(page, {})
    .filter(({ type }) => type === 'fence')
    .map(({ info, content, map }) => {
      const [language = '', ...words] = info.trim().split(/\s+/);
      return { language, runs: !words.includes('no-run'), code: content, line: map![0] + 1 };
    });
}

/** Every command of flatmin that a page shows: in blocks of sh, and within the text. */
export function commandsOf(page: string): string[] {
  const inText = markdown.parse(page, {}).flatMap(({ children }) => children ?? []);
  const texts = [
    ...blocksOf(page).flatMap(({ language, code }) =>
      language === 'sh' ? code.replaceAll('\\\n', ' ').split('\n') : [],
    ),
    ...inText.filter(({ type }) => type === 'code_inline').map(({ content }) => content),
  ];
  return texts
    .flatMap((text) => text.replace(/(^|\s)#.*$/, '').split(/&&|[|;]/))
    .map((text) => text.trim().replace(CALL, 'flatmin'))
    .filter((text) => text.startsWith('flatmin '));
}
