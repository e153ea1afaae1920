// Writes story.txt, sentences of a small grammar, and story-tokenizer.json for its words. Says the perplexity that no model can be below.
// node examples/from-files/story.mjs
import { writeFileSync } from 'node:fs';
import { random } from './random.mjs';
import { wordTokenizer } from './word-tokenizer.mjs';

const adjectives = 'old red quiet little'.split(' ');
const verbs = {
  king: ['ruled', 'feared'],
  queen: ['ruled', 'loved'],
  fox: ['chased', 'feared'],
  bird: ['saw', 'loved'],
};
const objects = { ruled: ['land', 'sea'], feared: ['king', 'fox'], chased: ['bird', 'fox'] };
Object.assign(objects, { loved: ['king', 'queen'], saw: ['land', 'queen'] });

const next = random(0);
let bits = 0;
/** One of some words, all as likely. */
const pick = (words) => {
  bits += Math.log2(words.length);
  return words[Math.floor(next() * words.length)];
};
const sentences = Array.from({ length: 3000 }, () => {
  const noun = pick(Object.keys(verbs));
  const verb = pick(verbs[noun]);
  return `the ${pick(adjectives)} ${noun} ${verb} the ${pick(adjectives)} ${pick(objects[verb])} .`;
});
const text = `${sentences.join('\n')}\n`;
writeFileSync('story.txt', text);
const words = ['<pad>', '<unk>', ...new Set(text.trim().split(/\s+/))];
writeFileSync('story-tokenizer.json', wordTokenizer(words));
const tokens = text.trim().split(/\s+/).length;
console.log(
  `${tokens} tokens in story.txt, ${words.length} words; no model has a perplexity below ${(2 ** (bits / tokens)).toFixed(3)}`,
);
