import test from 'ava';
import { addon } from '../../src/addon/addon.js';
import { regionOps } from '../../src/lowering/fusion/program.js';

test('programs of regions are written in the numbers that the kernel reads', (t) => {
  t.deepEqual([...addon.regionOps], [...regionOps]);
});
