import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { csvRecords } from '../../../src/data/table/csv-records.js';
import { linesOf } from '../../../src/data/text/line-file.js';
import { piecesOfFile } from '../../../src/data/text/pieces.js';
import { utf8Chunks } from '../../../src/data/utf8.js';
import { temporaryFolder } from './sets.js';

async function textOf(path: string, chunkBytes: number): Promise<string> {
  let text = '';
  for await (const chunk of utf8Chunks(path, chunkBytes)) text += chunk;
  return text;
}

const TEXT = 'a\u00fc\u20ac\n\ud83d\ude00 \ufffd\nz';

test('characters across the ends of chunks, a mark at the beginning, and replacement characters that are in the text', async (t) => {
  const path = join(await temporaryFolder(t), 'a.txt');
  for (const mark of ['', '\ufeff']) {
    await writeFile(path, mark + TEXT);
    for (const size of [1, 2, 3, 4, 5, 7, 100]) t.is(await textOf(path, size), TEXT, `${mark}${size}`);
  }
  await writeFile(path, '');
  t.is(await textOf(path, 10), '');
  await t.throwsAsync(textOf(`${path}.gone`, 10), { code: 'NOT_FOUND' });
});

const WRONG: [what: string, bytes: number[]][] = [
  ['a letter of Latin 1', [0xe9, 0x61]],
  ['a character that is cut', [0xe2, 0x82, 0x61]],
  ['a continuation alone', [0x82]],
  ['half of a surrogate pair', [0xed, 0xa0, 0x80]],
  ['a character that is cut at the end', [0xf0, 0x9f, 0x98]],
];
for (const [what, bytes] of WRONG)
  test(`${what} is named by file, line and byte`, async (t) => {
    const path = join(await temporaryFolder(t), 'a.txt');
    const before = Buffer.from(`\ufeff${TEXT}`);
    await writeFile(path, Buffer.concat([before, Buffer.from(bytes)]));
    for (const size of [1, 2, 3, 4, 5, 7, 100])
      await t.throwsAsync(textOf(path, size), {
        code: 'INVALID_DATA',
        message: new RegExp(
          `a\\.txt, line 3: byte ${before.length} of the file, counted from 0, is 0x${bytes[0]!.toString(16)}, which is not UTF-8 there: save`,
        ),
      });
  });

const READERS: Record<string, (path: string) => AsyncIterable<unknown>> = {
  csv: (path) => csvRecords(path, ','),
  jsonl: linesOf,
  text: piecesOfFile,
};
for (const [name, read] of Object.entries(READERS))
  test(`${name}: what is not UTF-8 is refused, and UTF-16 by its name`, async (t) => {
    const path = join(await temporaryFolder(t), 'a.txt');
    const all = async () => {
      for await (const _ of read(path));
    };
    await writeFile(path, Buffer.from('a,b\n1,2\n3,caf\xe9\n', 'latin1'));
    await t.throwsAsync(all(), { message: /a\.txt, line 3: byte 13 of the file.* is 0xe9/ });
    const wide = Buffer.from('\ufeffa,b\n1,2\n', 'utf16le');
    for (const bytes of [wide, Buffer.from(wide).swap16()]) {
      await writeFile(path, bytes);
      await t.throwsAsync(all(), {
        message: /a\.txt is no text in UTF-8. It begins with .* UTF-16: save it/,
      });
    }
    await writeFile(path, wide.subarray(2));
    await t.throwsAsync(all(), {
      message: /a\.txt is no text in UTF-8. It has a byte that is zero \(byte 1,/,
    });
    await writeFile(path, '\ufeffa,b\n1,2\n');
    await t.notThrowsAsync(all());
  });
