import test from 'ava';
import Table from 'cli-table3';
import { longTable } from '../../../src/cli/long-table.js';

const head = ['name', 'elements', 'why'];
const row = (index: number) => [`layer ${index ** 3}`, index, index === 170 ? '权重 ★ wide' : 'a weight'];

for (const count of [0, 1, 100, 101, 250])
  test(`a table of ${count} rows in parts is the table in one`, (t) => {
    const rows = Array.from({ length: count }, (_, index) => row(index));
    const whole = new Table({ head, style: { head: [], border: [] } });
    whole.push(...rows);
    t.is(longTable(head, rows), whole.toString());
  });
