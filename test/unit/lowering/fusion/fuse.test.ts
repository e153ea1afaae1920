import test from 'ava';
import { fuseRegions } from '../../../../src/lowering/fusion/fuse.js';
import { intsAttribute } from '../../../../src/onnx/attributes.js';
import { GraphBuilder, makeModel } from '../../../../src/onnx/builder.js';
import type { Graph, Node } from '../../../../src/onnx/proto.js';
import { completeTypes } from '../../../../src/ort/complete-types.js';
import { openRuntime } from '../../../../src/ort/library.js';

const fuse = async (builder: GraphBuilder): Promise<Graph> => {
  const { graph } = builder;
  return fuseRegions(graph, await completeTypes(openRuntime(), makeModel(graph), new Map()));
};
const regionsOf = (graph: Graph): Node[] => graph.node.filter(({ opType }) => opType === 'Region');

/** x·Φ(x), as exporters write it. */
function gelu(builder: GraphBuilder, x: string): string {
  const erf = builder.op('Erf', [builder.op('Div', [x, builder.scalar(Math.SQRT2)])]);
  const half = builder.op('Mul', [x, builder.scalar(0.5)]);
  return builder.op('Mul', [half, builder.op('Add', [erf, builder.scalar(1)])]);
}

test('a chain of elementwise operators is one region of one pass', async (t) => {
  const builder = new GraphBuilder();
  const x = builder.input('x', 'float', [8, 16, 32]);
  builder.output(gelu(builder, x), 'float');
  const { node } = await fuse(builder);
  t.is(node.length, 1);
  t.deepEqual(node[0]!.input, ['x']);
});

test('a row reduction that is read back, a sum over rows beside it, and a reshape between are one region', async (t) => {
  const builder = new GraphBuilder();
  const x = builder.input('x', 'float', [4, 6, 32]);
  const flat = builder.op('Reshape', [builder.op('Exp', [x]), builder.ints([24, 32])]);
  const sum = builder.op('ReduceSum', [flat, builder.ints([1])], { keepdims: 1 });
  const y = builder.op('Div', [flat, sum]);
  builder.output(y, 'float');
  builder.output(builder.op('ReduceSum', [y, builder.ints([0])], { keepdims: 0 }), 'float');
  const regions = regionsOf(await fuse(builder));
  t.is(regions.length, 1);
  t.deepEqual(intsAttribute(regions[0]!, 'axes'), [24, 32]);
});

test('what must run between two parts keeps them apart', async (t) => {
  const builder = new GraphBuilder();
  const x = builder.input('x', 'float', [16, 16]);
  const a = builder.op('Tanh', [builder.op('Neg', [x])]);
  const product = builder.op('MatMul', [a, a]);
  builder.output(builder.op('Exp', [builder.op('Add', [a, product])]), 'float');
  const graph = await fuse(builder);
  t.deepEqual(
    graph.node.map(({ opType }) => opType),
    ['Region', 'MatMul', 'Region'],
  );
});

test('a matrix and its transpose have no common axes', async (t) => {
  const builder = new GraphBuilder();
  const x = builder.input('x', 'float', [16, 16]);
  builder.output(builder.op('Exp', [builder.op('Add', [x, builder.op('Transpose', [x])])]), 'float');
  const graph = await fuse(builder);
  t.deepEqual(
    graph.node.map(({ opType }) => opType),
    ['Transpose', 'Region'],
  );
});

test('what follows from a value that is there anyway is computed again, not stored', async (t) => {
  const builder = new GraphBuilder();
  const x = builder.input('x', 'float', [64, 64]);
  const cdf = builder.op('Add', [
    builder.op('Erf', [builder.op('Mul', [x, builder.scalar(0.7)])]),
    builder.scalar(1),
  ]);
  const y = builder.op('Mul', [x, cdf]);
  const product = builder.op('MatMul', [y, y]);
  // As a gradient would, it reads what came before the product.
  builder.output(builder.op('Mul', [builder.op('Mul', [product, cdf]), cdf]), 'float');
  const [first, second] = regionsOf(await fuse(builder));
  t.deepEqual(first!.output, [y]);
  t.deepEqual(second!.input.slice().sort(), [product, 'x'].sort());
});

test('a value that is read by others as it is, of another shape, or of truth, stays', async (t) => {
  const builder = new GraphBuilder();
  const x = builder.input('x', 'float', [8, 8]);
  const isLarge = builder.op('Greater', [x, builder.scalar(1)]);
  builder.output(isLarge, 'bool');
  builder.output(builder.op('Where', [isLarge, builder.op('Exp', [x]), x]), 'float');
  const graph = await fuse(builder);
  t.true(graph.node.some(({ opType, output }) => opType === 'Greater' && output[0] === isLarge));
  t.is(regionsOf(graph).length, 1);
});

test('what constants alone decide is left to the runtime', async (t) => {
  const builder = new GraphBuilder();
  const zeros = builder.op('Expand', [builder.scalar(0), builder.ints([4, 4])]);
  builder.output(builder.op('Exp', [builder.op('Neg', [zeros])]), 'float');
  t.is(regionsOf(await fuse(builder)).length, 0);
});

test('a long chain is cut into regions of bounded length, which compute nothing twice', async (t) => {
  const builder = new GraphBuilder();
  const x = builder.input('x', 'float', [8, 8]);
  let last = x;
  for (let step = 0; step < 600; step++) last = builder.op('Add', [builder.op('Tanh', [last]), x]);
  builder.output(last, 'float');
  const regions = regionsOf(await fuse(builder));
  t.true(regions.length > 12 && regions.length < 40, `${regions.length} regions`);
  const lines = regions.map((region) => intsAttribute(region, 'code')!.length / 5);
  t.true(lines.reduce((sum, count) => sum + count, 0) < 1.2 * 1200 + 10 * regions.length);
});

test('constants that several regions compute again are defined once, and what nobody reads not at all', async (t) => {
  const builder = new GraphBuilder();
  const [x, scale] = [builder.input('x', 'float', [2, 3, 16, 16]), builder.input('s', 'float', [16])];
  const whole = builder.op('Mul', [
    builder.op('Reshape', [builder.scalar(1), builder.ints([1, 1, 1, 1])]),
    builder.scalar(0.5),
  ]);
  const dy = builder.op('Expand', [whole, builder.ints([2, 3, 16, 16])]);
  const centred = builder.op('Sub', [x, builder.op('Mul', [dy, scale])]);
  const sum = builder.op('ReduceSum', [builder.op('Mul', [centred, dy]), builder.ints([-1])]);
  builder.op(
    'Mul',
    [builder.op('Exp', [builder.op('Sub', [dy, sum])]), builder.op('Neg', [dy])],
    {},
    { outputs: ['dead'] },
  );
  builder.output(builder.op('ReduceSum', [centred, builder.ints([0, 1, 2])], { keepdims: 0 }), 'float');
  builder.output(builder.op('ReduceSum', [dy, builder.ints([0, 1, 2])], { keepdims: 0 }), 'float');
  const graph = await fuse(builder);
  const made = graph.node.flatMap(({ output }) => output);
  t.deepEqual(made, [...new Set(made)]);
  t.false(made.includes('dead'));
});
