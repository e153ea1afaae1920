/** A tokenizer.json of whole words in the format of Hugging Face. The first is padding, the second stands for words that are not there. */
export function wordTokenizer(words) {
  const [padding, unknown] = words;
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return JSON.stringify({
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [padding, unknown].map((content, id) => ({ id, content, ...flags })),
    normalizer: { type: 'Lowercase' },
    pre_tokenizer: { type: 'WhitespaceSplit' },
    post_processor: null,
    decoder: null,
    model: {
      type: 'WordLevel',
      unk_token: unknown,
      vocab: Object.fromEntries(words.map((word, id) => [word, id])),
    },
  });
}
