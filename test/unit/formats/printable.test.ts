import test from 'ava';
import { printable, printableJson, printableTexts } from '../../../src/formats/printable.js';

test('what a terminal would obey is shown, lines stay lines', (t) => {
  t.is(printable('a\x1b[2Jb\x07\r\t\x9b31m\x7f'), 'a\\x1b[2Jb\\x07\\x0d\\x09\\x9b31m\\x7f');
  t.is(printable('\u202egnp.exe\u2069'), '\\u202egnp.exe\\u2069');
  t.is(printable('Größe ×\n│ 漢字 🙂'), 'Größe ×\n│ 漢字 🙂');
});

test('JSON that is safe on a terminal parses to the same value', (t) => {
  const value = { 'a\x1b\x9b': ['\u202e\n', 1, null] };
  const text = printableJson(value);
  t.regex(text, /^[\x20-\x7e]+$/);
  t.deepEqual(JSON.parse(text), value);
});

test('names that go into a table cannot add lines to it', (t) => {
  const report = { names: ['w\n│ Trainable.', 'x\x1b'], count: 2, none: null };
  t.deepEqual(printableTexts(report), { names: ['w\\x0a│ Trainable.', 'x\\x1b'], count: 2, none: null });
});
