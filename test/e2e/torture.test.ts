import test from 'ava';
import { SHORT, torture } from '../../scripts/torture/torture.js';

test('runs that are killed, cut off, flipped and short of disk go on as promised', async (t) => {
  const lines: string[] = [];
  const tallies = await torture({ amounts: SHORT, seed: 0, tell: (line) => void lines.push(line) });
  t.deepEqual(
    tallies.flatMap(({ faults }) => faults),
    [],
    lines.join('\n'),
  );
  t.deepEqual(
    tallies.map(({ scenario }) => scenario),
    Object.keys(SHORT),
  );
});
