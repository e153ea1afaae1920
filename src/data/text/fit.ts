import type { TextTokenizer } from './tokenizer.js';

/** Texts that are looked at. */
const LOOKED_AT = 500;
/** A vocabulary of another language or kind leaves more words unknown. */
const MANY_UNKNOWN = 0.05;

/** A note where many of some tokens are unknown. */
export function unknownNotes(unknown: number, tokens: number, of: string): string[] {
  const share = unknown / Math.max(1, tokens);
  if (share <= MANY_UNKNOWN) return [];
  return [
    `${(100 * share).toFixed(0)} % of the tokens of ${of} are unknown to the tokenizer: is it the model's?`,
  ];
}

/** What the user should know of how texts fit the length and the vocabulary, by the first of them. */
export class TextFit {
  /** Texts behind these count no more. */
  static readonly lookedAt = LOOKED_AT;
  private texts = 0;
  private cut = 0;
  private tokens = 0;
  private unknown = 0;

  constructor(
    private readonly tokenizer: TextTokenizer,
    private readonly length: number,
  ) {}

  look(text: string, pair?: string): void {
    if (this.texts === LOOKED_AT) return;
    const { ids } = this.tokenizer.encode(text, true, pair);
    this.texts++;
    if (ids.length > this.length) this.cut++;
    this.tokens += ids.length;
    this.unknown += ids.filter((id) => id === this.tokenizer.unknownId).length;
  }

  notes(): string[] {
    const { texts, cut, length } = this;
    const of = `the first ${texts} texts`;
    return [
      ...(cut > 0 ? [`${cut} of ${of} are longer than ${length} tokens: what is behind is cut off.`] : []),
      ...unknownNotes(this.unknown, this.tokens, of),
    ];
  }
}
