import test from 'ava';
import { openRuntime, type Runtime } from '../../src/ort/library.js';
import { type HostTensor, Session } from '../../src/ort/session.js';
import { type RandomGraph, randomGraph } from '../reference/random-graph.js';

/** Graphs that are tried, and how many make one test. */
const [COUNT, EACH] = [1200, 100];
const TOLERANCE = 1e-4;

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

/** Where two results differ, in words. */
function difference(found: Map<string, HostTensor>, expected: Map<string, HostTensor>): string | undefined {
  for (const [name, { dims, data }] of expected) {
    const own = found.get(name)!;
    if (String(own.dims) !== String(dims)) return `${name} has shape [${own.dims}], not [${dims}]`;
    const values = Array.from(data as Float32Array);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    const at = values.findIndex((value, index) => {
      const other = Number(own.data[index]);
      return !Object.is(value, other) && !(Math.abs(value - other) <= TOLERANCE * largest);
    });
    if (at >= 0) return `element ${at} of ${name} is ${own.data[at]}, not ${values[at]}`;
  }
  return undefined;
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
