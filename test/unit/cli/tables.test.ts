import test from 'ava';
import { evaluationTable } from '../../../src/cli/evaluation-table.js';
import { comparisonTable, summaryTable } from '../../../src/cli/tables.js';
import { checkSummary } from '../../../src/formats/run/summary.js';
import { evaluation, summary } from '../report/folders.js';

/** A run of numbers, which followed R². */
const ofValues = { ...summary, accuracy: null, metric: 'r2', metrics: { mae: 0.25, r2: 0.875 } };

test('the table of a run has its metrics, the followed one first', (t) => {
  const rows = summaryTable(ofValues)
    .split('\n')
    .filter((line) => line.includes('test '));
  t.regex(rows[0]!, /test R² +│ +0\.8750 /);
  t.regex(rows[1]!, /test mean absolute error +│ +0\.2500 /);
  t.regex(rows[2]!, /test loss/);
  t.regex(summaryTable(summary), /test accuracy +│ +91\.23 %/);
});

test('a run of a version that knew no metrics, or without test data, has the accuracy alone', (t) => {
  const { metrics: _, metric: __, trainMetrics: ___, ...older } = summary;
  const read = checkSummary(older, 'summary.json');
  t.deepEqual([read.metrics, read.metric, read.trainMetrics], [{}, 'accuracy', {}]);
  t.regex(summaryTable(read), /test accuracy +│ +91\.23 %/);
  t.regex(summaryTable({ ...read, accuracy: null }), /test accuracy +│ +– /);
});

test('a comparison shows what all of its runs followed, else the accuracy', (t) => {
  t.regex(comparisonTable({ sgd: ofValues, sam: ofValues }), /optimizer +│ +test R² +│[\s\S]*0\.8750/);
  t.regex(comparisonTable({ sgd: summary, sam: summary }), /test accuracy[\s\S]*91\.23 %/);
  const { metrics: _, ...older } = summary;
  const read = checkSummary(older, 'summary.json');
  t.regex(comparisonTable({ sgd: read, sam: read }), /test accuracy[\s\S]*91\.23 %/);
});

test('an evaluation has figures of each class where they were asked for', (t) => {
  const { details: _, ...plain } = evaluation;
  t.notRegex(evaluationTable(plain), /precision/);
  const table = evaluationTable(evaluation);
  t.regex(table, /cat +│ +90\.00 % │ +75\.00 %/);
  t.regex(table, /dog +│ +– │ +0\.00 %/);
  t.regex(table, /dog +│ +8 │ +44 /);
});
