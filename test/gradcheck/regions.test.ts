import test from 'ava';
import { fuseRegions } from '../../src/lowering/fusion/fuse.js';
import type { ModelProto } from '../../src/onnx/proto.js';
import { completeTypes } from '../../src/ort/complete-types.js';
import { openRuntime } from '../../src/ort/library.js';
import { type HostTensor, Session } from '../../src/ort/session.js';
import { difference } from '../reference/difference.js';
import { randomGraph } from '../reference/random-graph.js';

/** Graphs that are tried, and how many make one test. */
const [COUNT, EACH] = [800, 100];

async function run(model: ModelProto, feeds: Record<string, HostTensor>): Promise<Map<string, HostTensor>> {
  const session = await Session.create(openRuntime(), model, {
    intraOpThreads: 1,
    optimizationLevel: 0,
    kernels: true,
  });
  try {
    return await session.run(feeds);
  } finally {
    session.dispose();
  }
}

for (let from = 0; from < COUNT; from += EACH)
  test(`regions change none of random graphs ${from} to ${from + EACH - 1}`, async (t) => {
    let regions = 0;
    for (let seed = from; seed < from + EACH; seed++) {
      const { model, feeds, steps } = randomGraph(seed);
      if (steps.length === 0) continue;
      const types = await completeTypes(openRuntime(), model, new Map());
      const graph = fuseRegions(model.graph, types);
      regions += graph.node.filter(({ opType }) => opType === 'Region').length;
      const opsets = [...model.opsetImport, { domain: 'flatmin', version: 1 }];
      const fused = { ...model, graph, opsetImport: opsets } as ModelProto;
      const expected = await run(model, feeds);
      const wrong = await run(fused, feeds).then(
        (found) => difference(found, expected),
        (error: Error) => error.message,
      );
      if (wrong) t.fail(`Graph ${seed}: ${wrong}\n${steps.join('\n')}`);
    }
    t.true(regions > EACH / 2, `${regions} regions`);
  });
