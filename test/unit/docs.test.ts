import { readFile } from 'node:fs/promises';
import test from 'ava';
import { metricsPage } from '../../scripts/metrics-page.js';
import { operatorsPage } from '../../scripts/operators-page.js';
import { optimizersPage, withTable } from '../../scripts/optimizers-page.js';

const read = (path: string) => readFile(new URL(`../../../${path}`, import.meta.url), 'utf8');

test('docs/operators.md is what the tables in the code say', async (t) => {
  t.true(
    (await read('docs/operators.md')) === (await operatorsPage()),
    'It is out of date: run npm run docs.',
  );
});

test('docs/metrics.md is what the declarations of metrics say', async (t) => {
  t.true((await read('docs/metrics.md')) === metricsPage(), 'It is out of date: run npm run docs.');
});

test('docs/optimizers.md and the table of README.md are what the declarations of optimizers say', async (t) => {
  t.true(
    (await read('docs/optimizers.md')) === (await optimizersPage()),
    'It is out of date: run npm run docs.',
  );
  const readme = await read('README.md');
  t.true(readme === withTable(readme), 'README.md is out of date: run npm run docs.');
});
