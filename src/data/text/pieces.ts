import { FlatminError } from '../../errors.js';
import { utf8Chunks } from '../utf8.js';

/** A part of a document, which is made tokens at a time. */
export interface TextPiece {
  readonly text: string;
  /** Whether a document begins with it. */
  readonly isFirst: boolean;
}

/** Characters of a piece at least, but for the last: the first line end behind them ends it. */
const PIECE = 1 << 16;
/** Characters of a line behind which a blank ends it, too: all texts are held piece by piece. */
const LONGEST = 1 << 22;

/** Where the first piece of a text ends; undefined where more of the text has to be known. */
function endOf(text: string, isWhole: boolean): number | undefined {
  if (isWhole && text.length <= PIECE) return text.length;
  const line = text.indexOf('\n', PIECE) + 1;
  if (line > 0 && line <= LONGEST) return line;
  if (text.length > LONGEST) return text.lastIndexOf(' ', LONGEST - 1) + 1 || LONGEST;
  return isWhole ? text.length : undefined;
}

/** The pieces of a document. */
export function* piecesOf(text: string): Generator<TextPiece, void, undefined> {
  for (let from = 0; from < text.length; ) {
    // No copy of what is behind.
    const end = from + endOf(text.slice(from, from + LONGEST + 1), text.length - from <= LONGEST + 1)!;
    yield { text: text.slice(from, end), isFirst: from === 0 };
    from = end;
  }
}

/** The pieces of a text file, which is one document. @throws FlatminError NOT_FOUND, INVALID_DATA for a file without text */
export async function* piecesOfFile(path: string): AsyncGenerator<TextPiece, void, undefined> {
  let [rest, isFirst, isEmpty] = ['', true, true];
  for await (const chunk of utf8Chunks(path)) {
    rest += chunk;
    for (let end = endOf(rest, false); end !== undefined; end = endOf(rest, false)) {
      isEmpty &&= rest.slice(0, end).trim() === '';
      yield { text: rest.slice(0, end), isFirst };
      [rest, isFirst] = [rest.slice(end), false];
    }
  }
  if (isEmpty && rest.trim() === '')
    throw new FlatminError('INVALID_DATA', `${path} is empty: a text is expected.`);
  for (const { text } of piecesOf(rest)) {
    yield { text, isFirst };
    isFirst = false;
  }
}
