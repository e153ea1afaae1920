import test from 'ava';
import { Groups } from '../../../../src/lowering/fusion/groups.js';
import { emptyGraph } from '../../../../src/onnx/builder.js';
import type { Graph } from '../../../../src/onnx/proto.js';
import { RandomStream } from '../../../gradcheck/random.js';

/** A graph of nodes v0, v1, …, each of which reads some before it. */
const graphOf = (reads: readonly (readonly number[])[]): Graph => ({
  ...emptyGraph('graph'),
  node: reads.map((from, index) => ({
    opType: 'Sum',
    input: from.map((each) => `v${each}`),
    output: [`v${index}`],
    attribute: [],
  })),
});

test('two nodes with one between them are joined with that one alone', (t) => {
  const groups = new Groups(graphOf([[], [0], [0, 1]]));
  t.false(groups.canJoin(groups.of(0), groups.of(2)));
  t.true(groups.canJoin(groups.of(0), groups.of(1)));
  const joined = groups.join(groups.of(0), groups.of(1));
  t.true(groups.canJoin(joined, groups.of(2)));
  groups.join(joined, groups.of(2));
  t.deepEqual(groups.nodes(groups.of(1)), [0, 1, 2]);
  t.is(groups.sorted.length, 1);
});

test('after any joins the groups are in an order that they can run in', (t) => {
  const random = new RandomStream('groups');
  for (let round = 0; round < 60; round++) {
    const count = 24;
    const reads = Array.from({ length: count }, (_, index) =>
      Array.from({ length: index }, (_each, from) => from).filter(
        () => random.uniform(0, 1) < 2 / (index + 1),
      ),
    );
    const groups = new Groups(graphOf(reads));
    let refused = 0;
    for (let step = 0; step < 30; step++) {
      const [a, b] = [0, 1].map(() => groups.of(Math.floor(random.uniform(0, count)))) as [number, number];
      if (a !== b && groups.canJoin(a, b)) groups.join(a, b);
      else if (a !== b) refused++;
      const place = new Map(groups.sorted.map((group, index) => [group, index]));
      t.deepEqual(
        [...place.keys()].flatMap((group) => groups.nodes(group)).sort((x, y) => x - y),
        [...reads.keys()],
      );
      reads.forEach((from, index) => {
        for (const each of from)
          t.true(place.get(groups.of(each))! <= place.get(groups.of(index))!, `${each} before ${index}`);
      });
    }
    t.true(refused < 30);
  }
});
