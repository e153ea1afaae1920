import test from 'ava';
import { prepareModel } from '../../../src/autodiff/prepare/prepare.js';
import { sortModel } from '../../../src/autodiff/prepare/sort-nodes.js';
import { FlatminError } from '../../../src/errors.js';
import { meanSquaredError } from '../../../src/losses/regression.js';
import { makeAttribute } from '../../../src/onnx/attributes.js';
import { emptyGraph, makeModel, valueInfo } from '../../../src/onnx/builder.js';
import type { Graph, Node } from '../../../src/onnx/proto.js';
import { makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { gradients } from '../../../src/session/gradients.js';

const node = (opType: string, input: string[], output: string, attribute: Node['attribute'] = []): Node => ({
  opType,
  name: output,
  input,
  output: [output],
  attribute,
});

const graph = (nodes: Node[], output: string): Graph => ({
  ...emptyGraph('g'),
  input: [valueInfo('x', 'float', [2])],
  initializer: [makeTensor('w', 'float', [2], Float32Array.of(3, 4))],
  node: nodes,
  output: [valueInfo(output, 'float', [2])],
});

const names = (nodes: readonly Node[]) => nodes.map(({ name }) => name);

test('a sorted model is left alone', (t) => {
  const model = makeModel(graph([node('Neg', ['x'], 'a'), node('Mul', ['a', 'w'], 'b')], 'b'));
  t.is(sortModel(model, 'm'), model);
});

test('only nodes that come too early move', (t) => {
  const nodes = [
    node('Abs', ['x'], 'first'),
    node('Mul', ['late', 'w'], 'early'),
    node('Exp', ['x'], 'between'),
    node('Neg', ['first'], 'late'),
    node('Add', ['early', 'between'], 'y'),
  ];
  const sorted = sortModel(makeModel(graph(nodes, 'y')), 'm');
  t.deepEqual(names(sorted.graph.node), ['first', 'late', 'early', 'between', 'y']);
});

test('a chain of 50,000 nodes back to front is sorted', (t) => {
  const length = 50_000;
  const chain = Array.from({ length }, (_, at) => node('Neg', [at === 0 ? 'x' : `v${at - 1}`], `v${at}`));
  const sorted = sortModel(makeModel(graph([...chain].reverse(), `v${length - 1}`)), 'm');
  t.deepEqual(names(sorted.graph.node), names(chain));
});

/** x·w or −x by a condition that a shape decides; a branch reads `late`, which a node after the If makes. */
function branching(): Graph {
  const then: Graph = {
    ...emptyGraph('then'),
    node: [node('Mul', ['inner', 'w'], 'product'), node('Identity', ['late'], 'inner')],
    output: [valueInfo('product', 'float')],
  };
  const otherwise: Graph = {
    ...emptyGraph('else'),
    node: [node('Neg', ['x'], 'negative')],
    output: [valueInfo('negative', 'float')],
  };
  const branches = [
    makeAttribute('then_branch', { graph: then }),
    makeAttribute('else_branch', { graph: otherwise }),
  ];
  const always = makeTensor('always', 'bool', [], Uint8Array.of(1));
  const whole = graph([node('If', ['always'], 'y', branches), node('Identity', ['x'], 'late')], 'y');
  return { ...whole, initializer: [...whole.initializer, always] };
}

test('subgraphs are sorted, and count as readers', async (t) => {
  const model = makeModel(branching());
  const sorted = sortModel(model, 'm').graph;
  t.deepEqual(names(sorted.node), ['late', 'y']);
  t.deepEqual(names(sorted.node[1]!.attribute[0]!.g!.node), ['inner', 'product']);
  t.deepEqual(names(model.graph.node), ['y', 'late'], 'the given model stays as it is');
  const found = await gradients(
    model,
    { x: Float32Array.of(1, 2), targets: Float32Array.of(0, 0) },
    { loss: meanSquaredError() },
  );
  t.is(found.loss, (3 ** 2 + 8 ** 2) / 2);
  t.deepEqual([...found.gradients.get('w')!], [3, 16]);
});

test('a cycle is refused by the name of a node in it', (t) => {
  const cyclic = graph(
    [node('Neg', ['x'], 'a'), node('Add', ['a', 'c'], 'b'), node('Mul', ['b', 'w'], 'c')],
    'c',
  );
  const error = t.throws(() => prepareModel(makeModel(cyclic)), { instanceOf: FlatminError });
  t.is(error.code, 'INVALID_MODEL');
  t.regex(error.message, /Model "g": (Add "b"|Mul "c") reads, by way of other nodes/);
  const own = graph([node('Add', ['x', 'y'], 'y')], 'y');
  t.throws(() => prepareModel(makeModel(own)), { code: 'INVALID_MODEL', message: /Add "y" reads/ });
});
