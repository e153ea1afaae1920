import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'csv-parse/sync';
import { randomStream, uniformInt } from '../../../src/data/random.js';
import { type CsvRecord, csvRecords } from '../../../src/data/table/csv-records.js';
import { temporaryFolder } from './sets.js';

/** In small chunks, so that rows lie across their ends. */
async function recordsOf(file: string): Promise<CsvRecord[]> {
  const all: CsvRecord[] = [];
  for await (const some of csvRecords(file, ',', 1 << 10)) for (const each of some) all.push(each);
  return all;
}

const CELLS = ['', '1.5', 'a b', '"a,b"', '"two\nlines"', '"two\r\nlines"', '"he said ""no"""', '""', 'ü€😀'];

for (const [end, quotes] of [
  ['\n', true],
  ['\r\n', true],
  ['\r\n', false],
] as const)
  test(`rows in many chunks are those of csv-parse: ${JSON.stringify(end)}, ${quotes ? 'some with' : 'without'} quotes`, async (t) => {
    const random = randomStream(1, end.length, Number(quotes));
    const cells = quotes ? CELLS : CELLS.filter((cell) => !cell.includes('"'));
    // Quotes come in stretches, so that both ways to read are taken, one behind the other.
    const row = (at: number) => {
      const some = at % 2_000 > 1_800 ? cells : CELLS.slice(0, 3);
      return Array.from({ length: 4 }, () => some[uniformInt(random, 0, some.length - 1)]).join();
    };
    const blank = (at: number) => (at % 100 === 99 ? end : '');
    const rows = Array.from({ length: 6_000 }, (_, at) => `${row(at)}${end}${blank(at)}`);
    const text = `\ufeff${rows.join('')}1,2,3,4`;
    const lines = [1];
    for (const each of rows) lines.push(lines.at(-1)! + each.split('\n').length - 1);
    const file = join(await temporaryFolder(t), 'a.csv');
    await writeFile(file, text);
    const expected = parse(text, {
      ...{ bom: true, info: true, skip_empty_lines: true, record_delimiter: ['\r\n', '\n'] },
    }) as unknown as { record: string[] }[];
    const found = await recordsOf(file);
    t.is(found.length, expected.length);
    const other = found.findIndex(
      ({ cells: own, line }, at) =>
        own.join('\0') !== expected[at]!.record.join('\0') ||
        line !== lines[at]! + own.join('').split('\n').length - 1,
    );
    t.is(other, -1, other < 0 ? '' : JSON.stringify([found[other], expected[other], lines[other]]));
  });

test('lines that carriage returns end', async (t) => {
  const file = join(await temporaryFolder(t), 'a.csv');
  await writeFile(file, 'a,b\r1,"x\ry"\r2,z');
  t.deepEqual(
    (await recordsOf(file)).map(({ cells }) => cells),
    [
      ['a', 'b'],
      ['1', 'x\ry'],
      ['2', 'z'],
    ],
  );
});

test('what is wrong is told with the line of the file', async (t) => {
  const file = join(await temporaryFolder(t), 'a.csv');
  const many = '1,2\n'.repeat(3_000);
  await writeFile(file, `${many}1,2,3\n`);
  await t.throwsAsync(recordsOf(file), {
    message: /a\.csv is no table: its first row has 2 cells, and line 3001 has 3\. Mend the line/,
  });
  await writeFile(file, `${many}1,5" disk\n1,2\n`);
  await t.throwsAsync(recordsOf(file), { message: /a\.csv is no table: .*line 3001/ });
  await writeFile(file, `${many}1,"never closed\n1,2\n`);
  await t.throwsAsync(recordsOf(file), { message: /a\.csv is no table: Quote Not Closed.*line 300\d/ });
});
