import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3, then these words from 4 on. */
export const WORDS = 'a good film bad plot was the'.split(' ');
const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]'];

/** Writes a tokenizer.json of whole words that begins texts with [CLS] and ends them with [SEP]. @returns its path */
export async function writeTokenizer(folder: string, config: object = {}): Promise<string> {
  const piece = (id: string, type = 0) => ({ SpecialToken: { id, type_id: type } });
  const sequence = (id: string, type: number) => ({ Sequence: { id, type_id: type } });
  const all = [...SPECIAL, ...WORDS];
  const definition = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: SPECIAL.map((content, id) => ({
      ...{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
    })),
    normalizer: { type: 'Lowercase' },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [piece('[CLS]'), sequence('A', 0), piece('[SEP]')],
      pair: [piece('[CLS]'), sequence('A', 0), piece('[SEP]'), sequence('B', 1), piece('[SEP]', 1)],
      special_tokens: {
        '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
        '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
      },
    },
    decoder: null,
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(all.map((word, id) => [word, id])),
    },
  };
  const path = join(folder, 'tokenizer.json');
  await writeFile(path, JSON.stringify(definition));
  await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify(config));
  return path;
}
