import { readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { readNeighbours } from '../../../src/data/arrays/row-reader.js';
import { piecesOf, piecesOfFile } from '../../../src/data/text/pieces.js';
import { type TextSource, tokenCount, tokensOf } from '../../../src/data/text/token-store.js';
import { openTokenizer } from '../../../src/data/text/tokenizer.js';
import { temporaryFolder } from './sets.js';
import { WORDS, writeTokenizer } from './word-tokenizer.js';

const texts: TextSource = { kind: 'text', read: piecesOfFile };

test.serial('tokens in a file of the cache are those in memory, and are made once', async (t) => {
  const folder = await temporaryFolder(t);
  process.env.FLATMIN_CACHE = join(folder, 'cache');
  const path = await writeTokenizer(folder, { eos_token: '[SEP]' });
  const given = { path, tokenizer: await openTokenizer(path) };
  const line = (at: number) => `${WORDS[at % 7]} ${WORDS[(at * at) % 5]} strange${at % 3 ? '\n' : ' '}`;
  const files = [join(folder, 'one.txt'), join(folder, 'two.txt')];
  await writeFile(files[0]!, Array.from({ length: 20_000 }, (_, at) => line(at)).join(''));
  await writeFile(files[1]!, 'a good film');
  const memory = await tokensOf(files, texts, given, 2 ** 24);
  const stored = await tokensOf(files, texts, given, 0);
  t.is(memory.array.memory instanceof SharedArrayBuffer, true);
  t.is(stored.array.memory, undefined);
  const count = tokenCount(memory);
  t.is(count, 60_000 + 1 + 3 + 1, 'a token behind each document');
  t.is(memory.unknown, 20_000);
  t.is(stored.unknown, 20_000);
  t.deepEqual(readNeighbours(stored.array, 0, count), readNeighbours(memory.array, 0, count));
  const cached = () => readdir(join(folder, 'cache/tokens'));
  t.is((await cached()).length, 1);
  let reads = 0;
  const counted: TextSource = {
    ...texts,
    read: (file) => {
      reads++;
      return piecesOfFile(file);
    },
  };
  await tokensOf(files, counted, given, 0);
  await rename(files[1]!, join(folder, 'three.txt'));
  await tokensOf([files[0]!, join(folder, 'three.txt')], counted, given, 0);
  t.is(reads, 0, 'the content says which texts they are');
  await writeFile(join(folder, 'three.txt'), 'a bad film');
  await tokensOf([files[0]!, join(folder, 'three.txt')], counted, given, 0);
  t.is(reads, 2);
  const other = {
    path,
    tokenizer: await openTokenizer(await writeTokenizer(folder, { eos_token: '[PAD]' })),
  };
  await tokensOf(files.slice(0, 1), counted, other, 0);
  t.is((await cached()).length, 3, 'another content and another tokenizer are other files');
});

test.serial('a text that cannot be read leaves nothing in the cache', async (t) => {
  const folder = await temporaryFolder(t);
  process.env.FLATMIN_CACHE = join(folder, 'cache');
  const path = await writeTokenizer(folder);
  const given = { path, tokenizer: await openTokenizer(path) };
  await writeFile(join(folder, 'blank.txt'), ' \n'.repeat(10));
  await t.throwsAsync(tokensOf([join(folder, 'blank.txt')], texts, given, 0), { message: /is empty/ });
  t.deepEqual(await readdir(join(folder, 'cache/tokens')), []);
});

test('pieces are the same whether a text is in memory or read from a file', async (t) => {
  const file = join(await temporaryFolder(t), 'a.txt');
  const line = `${'ü word '.repeat(40)}\n`;
  for (const text of [line.repeat(3_000), 'no line end '.repeat(800_000), 'x'.repeat(5_000_000), 'short']) {
    await writeFile(file, text);
    const streamed: string[] = [];
    for await (const piece of piecesOfFile(file)) streamed.push(piece.text);
    const pieces = [...piecesOf(text)].map((piece) => piece.text);
    t.is(streamed.join(''), text);
    t.deepEqual(
      streamed.map(({ length }) => length),
      pieces.map(({ length }) => length),
    );
  }
});
