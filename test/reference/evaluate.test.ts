import test from 'ava';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { makeModel } from '../../src/onnx/builder.js';
import { microsoft } from '../../src/onnx/domains.js';
import { encodeModel, type Graph } from '../../src/onnx/proto.js';
import { buildCase, drawInputs, type GradientCase } from '../gradcheck/case.js';
import { gradientCases } from '../gradcheck/cases/index.js';
import { evaluate } from './evaluate.js';
import { forwardCases } from './forward-cases.js';
import type { NdArray } from './nd-array.js';
import { relativeError } from './tolerance.js';

const tolerance = 1e-5;

const tensorOf = (type: 'float' | 'int64', { dims, data }: NdArray): Tensor =>
  type === 'float'
    ? new Tensor('float32', Float32Array.from(data), dims)
    : new Tensor('int64', BigInt64Array.from(data, BigInt), dims);

/** Every value that the nodes of a graph compute, by ONNX Runtime in float32. */
async function runForward(
  graph: Graph,
  { inputs, opset = 17 }: GradientCase,
  feeds: Readonly<Record<string, NdArray>>,
): Promise<Map<string, NdArray>> {
  graph.output.push(...graph.node.flatMap(({ output }) => output.filter(Boolean).map((name) => ({ name }))));
  const session = await InferenceSession.create(
    encodeModel(makeModel(graph, { '': opset, [microsoft]: 1 })),
    {
      logSeverityLevel: 3,
      intraOpNumThreads: 1,
    },
  );
  const results = await session.run(
    Object.fromEntries(
      Object.entries(feeds).map(([name, value]) => [name, tensorOf(inputs[name]!.type, value)]),
    ),
  );
  await session.release();
  return new Map(
    Object.entries(results).map(([name, { dims, data }]) => [
      name,
      { dims: [...dims], data: Float64Array.from(data as ArrayLike<number>, Number) },
    ]),
  );
}

for (const gradientCase of [...gradientCases, ...forwardCases]) {
  test(`${gradientCase.name}: the reference agrees with ONNX Runtime`, async (t) => {
    const { builder } = buildCase(gradientCase);
    const feeds = drawInputs(gradientCase);
    const expected = await runForward(builder.graph, gradientCase, feeds);
    const actual = evaluate(builder.graph, feeds);
    t.true(expected.size > 0);
    for (const [name, value] of expected) {
      t.deepEqual(actual.get(name)?.dims, value.dims, name);
      const error = relativeError(actual.get(name)!.data, value.data);
      t.true(error < tolerance, `${name} differs by ${error}`);
    }
  });
}

test('an unknown operator is named', (t) => {
  const { builder } = buildCase({ name: 'unknown', inputs: {}, build: (graph) => graph.op('Mystery', []) });
  t.throws(() => evaluate(builder.graph, {}), { message: /does not implement Mystery/ });
});
