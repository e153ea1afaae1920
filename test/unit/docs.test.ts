import { readFile } from 'node:fs/promises';
import test from 'ava';
import { operatorsPage } from '../../scripts/operators-page.js';

test('docs/operators.md is what the tables in the code say', async (t) => {
  const page = await readFile(new URL('../../../docs/operators.md', import.meta.url), 'utf8');
  t.true(page === (await operatorsPage()), 'docs/operators.md is out of date: run npm run docs.');
});
