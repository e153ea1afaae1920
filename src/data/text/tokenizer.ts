import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FlatminError, withPath } from '../../errors.js';

/** Texts to token ids. */
export interface TextTokenizer {
  /** Ids are below it. */
  readonly size: number;
  /** What fills rows that are too short; undefined where the tokenizer has no such token. */
  readonly padId: number | undefined;
  /** What stands for words that the vocabulary has not; undefined where there is no such token. */
  readonly unknownId: number | undefined;
  /** A digest of its files. */
  readonly definition: string;
  /** What stands between two documents; undefined where the tokenizer has no such token. */
  readonly endId: number | undefined;
  /** @param isWhole whether the tokens that begin and end a text are added */
  encode(text: string, isWhole: boolean, pair?: string): { readonly ids: number[]; readonly types: number[] };
}

const NAMES = {
  pad: ['[PAD]', '<pad>', '<|pad|>'],
  end: ['<|endoftext|>', '</s>', '<eos>', '[SEP]'],
} as const;

const CONFIG = 'tokenizer_config.json';

/**
 * The tokenizer of a tokenizer.json (Hugging Face's format), with the tokenizer_config.json beside it where there is one.
 * @throws FlatminError NOT_FOUND where @huggingface/tokenizers is not installed; INVALID_DATA for a file that is no tokenizer
 */
export async function openTokenizer(path: string): Promise<TextTokenizer> {
  const { Tokenizer } = await import('@huggingface/tokenizers').catch((cause) => {
    throw new FlatminError(
      'NOT_FOUND',
      'Texts need the package @huggingface/tokenizers, which is optional and not installed here: npm install @huggingface/tokenizers',
      { cause },
    );
  });
  const definition = await readJson(path);
  const config = (await readJson(join(dirname(path), CONFIG), true)) as Record<string, unknown>;
  let tokenizer: InstanceType<typeof Tokenizer>;
  try {
    tokenizer = new Tokenizer(definition, config);
  } catch (cause) {
    throw new FlatminError(
      'INVALID_DATA',
      `${path} is no tokenizer that can be used: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
  const special = (name: 'pad' | 'end', key: string): number | undefined => {
    const given = config[key] as string | { content?: string } | null | undefined;
    const named = typeof given === 'string' ? given : given?.content;
    for (const token of named === undefined ? NAMES[name] : [named]) {
      const id = tokenizer.token_to_id(token);
      if (id !== undefined) return id;
    }
    return undefined;
  };
  let size = 0;
  for (const id of tokenizer.get_vocab(true).values()) size = Math.max(size, id + 1);
  const { padding, model } = definition as {
    padding?: { pad_id?: number } | null;
    model?: { unk_token?: string | null };
  };
  const unknown = model?.unk_token;
  return {
    size,
    definition: createHash('sha256')
      .update(JSON.stringify([definition, config]))
      .digest('hex'),
    padId: padding?.pad_id ?? special('pad', 'pad_token'),
    unknownId: unknown ? tokenizer.token_to_id(unknown) : undefined,
    endId: special('end', 'eos_token'),
    encode(text, isWhole, pair) {
      const { ids, token_type_ids: types } = tokenizer.encode(text, {
        add_special_tokens: isWhole,
        return_token_type_ids: true,
        ...(pair !== undefined && { text_pair: pair }),
      });
      return { ids, types: types ?? ids.map(() => 0) };
    },
  };
}

/** @param mayLack whether there need not be such a file */
async function readJson(path: string, mayLack = false): Promise<object> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw withPath(cause, path);
    if (mayLack) return {};
    throw new FlatminError('NOT_FOUND', `The tokenizer ${path} does not exist.`, { cause });
  }
  try {
    const content: unknown = JSON.parse(text);
    if (typeof content === 'object' && content !== null) return content;
  } catch {
    // Told below.
  }
  throw new FlatminError(
    'INVALID_DATA',
    `${path} is no JSON object: a tokenizer.json of Hugging Face is expected.`,
  );
}
