import test from 'ava';
import { openRuntime, type Runtime } from '../../src/ort/library.js';
import { type HostTensor, Session } from '../../src/ort/session.js';
import { difference } from '../reference/difference.js';
import { type RandomGraph, randomGraph } from '../reference/random-graph.js';

/** Graphs that are tried, and how many make one test. */
const [COUNT, EACH] = [1200, 100];

async function run(
  runtime: Runtime,
  { model, feeds }: RandomGraph,
  optimizationLevel?: number,
): Promise<Map<string, HostTensor>> {
  const level = optimizationLevel === undefined ? {} : { optimizationLevel };
  const session = await Session.create(runtime, model, { intraOpThreads: 1, ...level });
  try {
    return await session.run(feeds);
  } finally {
    session.dispose();
  }
}

const libraries = ['stock', process.env.FLATMIN_TRAINING_RUNTIME].filter((each) => each !== undefined);
for (const library of libraries) {
  const build = library === 'stock' ? library : 'training build';
  for (let from = 0; from < COUNT; from += EACH) {
    test(`${build}: optimization changes none of random graphs ${from} to ${from + EACH - 1}`, async (t) => {
      const runtime = openRuntime(library);
      let compared = 0;
      for (let seed = from; seed < from + EACH; seed++) {
        const graph = randomGraph(seed);
        if (graph.steps.length === 0) continue;
        const expected = await run(runtime, graph, 0);
        const wrong = await run(runtime, graph).then(
          (found) => difference(found, expected),
          (error: Error) => error.message,
        );
        if (wrong) t.fail(`Graph ${seed}: ${wrong}\n${graph.steps.join('\n')}`);
        compared++;
      }
      t.true(compared > EACH / 2);
    });
  }
}
