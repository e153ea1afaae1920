import test from 'ava';
import { prepareModel } from '../../../src/autodiff/prepare/prepare.js';
import { makeAttribute } from '../../../src/onnx/attributes.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import type { Graph, ModelProto } from '../../../src/onnx/proto.js';
import { makeTensor } from '../../../src/onnx/tensors/tensor.js';

/** The engine has room for fewer calls in calls. */
const DEPTH = 4000;

type Link = (builder: GraphBuilder, value: string) => string;

const links: Readonly<Record<string, Link>> = {
  Identity: (builder, value) => builder.op('Identity', [value]),
  Transpose: (builder, value) => builder.op('Transpose', [value]),
  'Reshape to its own shape': (builder, value) =>
    builder.op('Reshape', [value, builder.op('Shape', [value])]),
  Add: (builder, value) => builder.op('Add', [value, value]),
};

/** Two products whose weights, or whose data, are behind long chains. */
function chained(link: Link, behind: 'weights' | 'data'): ModelProto {
  const builder = new GraphBuilder();
  builder.input('x', 'float', [8, 8]);
  for (const name of ['a', 'b'])
    builder.initializer(
      makeTensor(
        name,
        'float',
        [8, 8],
        Float32Array.from({ length: 64 }, (_, i) => Math.sin(i * i + name.length)),
      ),
    );
  const chain = (value: string) => {
    let last = value;
    for (let step = 0; step < DEPTH; step++) last = link(builder, last);
    return last;
  };
  const data = behind === 'data' ? chain('x') : 'x';
  const products = ['a', 'b', 'a'].map((name, index) =>
    builder.op('MatMul', [data, behind === 'weights' && index === 0 ? chain(name) : name]),
  );
  builder.output(builder.op('Div', [builder.op('Sum', products), chain('b')]), 'float', [8, 8]);
  return makeModel(builder.graph);
}

for (const [name, link] of Object.entries(links))
  for (const behind of ['weights', 'data'] as const)
    test(`a model with ${DEPTH} nodes of ${name} before its ${behind} is prepared`, (t) => {
      t.notThrows(() => prepareModel(chained(link, behind)));
    });

function leaf(level: number): Graph {
  const body = new GraphBuilder();
  body.graph.node.push({
    opType: 'Abs',
    name: `leaf${level}`,
    input: ['x'],
    output: [`z${level}`],
    attribute: [],
  });
  body.output(`z${level}`, 'float', [4]);
  return body.graph;
}

/** An If whose branch holds an If, `depth` times. */
function nested(depth: number): ModelProto {
  const builder = new GraphBuilder();
  builder.input('x', 'float', [4]);
  builder.input('c', 'bool', []);
  let branch: Graph | undefined;
  for (let level = 0; level <= depth; level++) {
    const body = new GraphBuilder();
    const attribute = branch && [
      makeAttribute('then_branch', { graph: branch }),
      makeAttribute('else_branch', { graph: leaf(level) }),
    ];
    body.graph.node.push({
      opType: attribute ? 'If' : 'Neg',
      name: `node${level}`,
      input: [attribute ? 'c' : 'x'],
      output: [`y${level}`],
      attribute: attribute ?? [],
    });
    body.output(`y${level}`, 'float', [4]);
    branch = body.graph;
  }
  builder.graph.node.push(...branch!.node);
  builder.graph.output.push(...branch!.output);
  return makeModel(builder.graph);
}

test('bodies in each other are prepared', (t) => {
  t.notThrows(() => prepareModel(nested(20)));
});

test('bodies in too many others are refused, whatever their number', (t) => {
  for (const depth of [33, 5000])
    t.throws(() => prepareModel(nested(depth)), {
      code: 'INVALID_MODEL',
      message: /has a body inside 32 others/,
    });
});
