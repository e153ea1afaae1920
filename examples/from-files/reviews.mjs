// Writes reviews/train.jsonl and reviews/test.jsonl, made-up reviews that are good or bad, and reviews/tokenizer.json for their words.
// node examples/from-files/reviews.mjs
import { mkdirSync, writeFileSync } from 'node:fs';
import { random } from './random.mjs';
import { wordTokenizer } from './word-tokenizer.mjs';

const [good, bad] = ['good great fine lovely', 'bad awful dull poor'].map((words) => words.split(' '));
const others = 'the film was very and a plot cast it seems rather quite this one is so'.split(' ');
const pick = (next, words) => words[Math.floor(next() * words.length)];

/** 'not' turns over the word behind it: counting words is not enough. */
function review(next) {
  for (;;) {
    const words = [];
    let sum = 0;
    for (const length = 4 + Math.floor(next() * 7); words.length < length; ) {
      const isFeeling = next() < 0.5;
      const isNegated = isFeeling && next() < 0.4;
      const list = isFeeling ? pick(next, [good, bad]) : others;
      if (isNegated) words.push('not');
      words.push(pick(next, list));
      sum += isFeeling ? ((list === good) === isNegated ? -1 : 1) : 0;
    }
    if (sum !== 0) return { text: words.join(' '), label: sum > 0 ? 'good' : 'bad' };
  }
}

mkdirSync('reviews', { recursive: true });
for (const [part, seed, count] of [
  ['train', 0, 3000],
  ['test', 1, 500],
]) {
  const next = random(seed);
  const lines = Array.from({ length: count }, () => `${JSON.stringify(review(next))}\n`);
  writeFileSync(`reviews/${part}.jsonl`, lines.join(''));
}
const words = ['[PAD]', '[UNK]', 'not', ...good, ...bad, ...others];
writeFileSync('reviews/tokenizer.json', wordTokenizer(words));
console.log(`3000 reviews in reviews/train.jsonl, 500 in reviews/test.jsonl, ${words.length} words`);
