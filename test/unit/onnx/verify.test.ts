import test from 'ava';
import { FlatminError } from '../../../src/errors.js';
import { emptyGraph, GraphBuilder, makeModel, valueInfo } from '../../../src/onnx/builder.js';
import type { Graph, ModelProto, Node } from '../../../src/onnx/proto.js';
import { makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { verifyModel } from '../../../src/onnx/verify.js';

function model(...nodes: Partial<Node>[]): ModelProto {
  const graph: Graph = {
    ...emptyGraph('g'),
    input: [valueInfo('x', 'float', [1])],
    initializer: [makeTensor('w', 'float', [1], Float32Array.of(1))],
    node: nodes.map((node) => ({ opType: 'Add', input: [], output: [], attribute: [], ...node })),
  };
  return makeModel(graph);
}

const branch = (...nodes: Partial<Node>[]): Node['attribute'][0] => ({
  name: 'then_branch',
  g: { ...model(...nodes).graph, input: [], initializer: [], output: [] },
});

const refuses = (message: RegExp, broken: ModelProto) =>
  test(`refused: ${message.source}`, (t) => {
    const error = t.throws(() => verifyModel(broken, 'm.onnx'), { instanceOf: FlatminError });
    t.is(error.code, 'INVALID_MODEL');
    t.regex(error.message, message);
    t.regex(error.message, /^m\.onnx/);
  });

test('a sound model passes', (t) => {
  const sound = model(
    { name: 'a', input: ['x', 'w', ''], output: ['y', ''] },
    {
      opType: 'If',
      input: ['y'],
      output: ['z'],
      attribute: [branch({ input: ['y', 'x'], output: ['inner'] })],
    },
  );
  sound.graph.output = [valueInfo('z', 'float'), valueInfo('x', 'float')];
  t.notThrows(() => verifyModel(sound));
});

test("the standard's domain has two names", (t) => {
  const named = model({ domain: 'ai.onnx', input: ['x', 'w'], output: ['y'] });
  t.notThrows(() => verifyModel(named));
  t.notThrows(() => verifyModel({ ...named, opsetImport: [{ domain: 'ai.onnx', version: 17 }] }));
  const plain = model({ input: ['x', 'w'], output: ['y'] });
  t.notThrows(() => verifyModel({ ...plain, opsetImport: [{ domain: 'ai.onnx', version: 17 }] }));
  t.notThrows(() => verifyModel({ ...plain, opsetImport: [{ version: 17 }] }));
});

refuses(/Add "a" reads "q", which no input/, model({ name: 'a', input: ['q'], output: ['y'] }));
refuses(
  /Add "a" reads "later"/,
  model({ name: 'a', input: ['later'], output: ['y'] }, { name: 'b', input: ['x'], output: ['later'] }),
);
refuses(/Add "a" reads "y"/, model({ name: 'a', input: ['y'], output: ['y'] }));
refuses(
  /Add "b" defines "y" a second time/,
  model({ name: 'a', input: ['x'], output: ['y'] }, { name: 'b', input: ['x'], output: ['y'] }),
);
refuses(/Add "x" defines "x" a second time/, model({ input: ['w'], output: ['x'] }));
refuses(/Add "w" defines "w" a second time/, model({ input: ['x'], output: ['w'] }));
refuses(
  /com\.example:Gelu "y" but imports no operator set of domain "com\.example"/,
  model({ opType: 'Gelu', domain: 'com.example', input: ['x'], output: ['y'] }),
);
refuses(/no operator set of domain ""/, { ...model({ input: ['x'], output: ['y'] }), opsetImport: [] });

const unfinished = model();
unfinished.graph.output = [valueInfo('nowhere', 'float')];
refuses(/output "nowhere" is defined by no node/, unfinished);

refuses(
  /Add "inner" reads "q"/,
  model({
    opType: 'If',
    input: ['x'],
    output: ['z'],
    attribute: [branch({ input: ['q'], output: ['inner'] })],
  }),
);
refuses(
  /Add "out" reads "inner"/,
  model(
    { opType: 'If', input: ['x'], output: ['z'], attribute: [branch({ input: ['x'], output: ['inner'] })] },
    { name: 'out', input: ['inner'], output: ['y'] },
  ),
);

test('a node inside a branch needs its operator set too', (t) => {
  const foreign = { opType: 'Gelu', domain: 'com.example', input: ['x'], output: ['inner'] };
  const nested = model({ opType: 'If', input: ['x'], output: ['z'], attribute: [branch(foreign)] });
  t.throws(() => verifyModel(nested), {
    instanceOf: FlatminError,
    message: /operator set of domain "com\.example"/,
  });
});

test('what a builder writes passes', (t) => {
  const builder = new GraphBuilder();
  builder.input('x', 'float', [2]);
  builder.output(builder.op('Add', ['x', builder.scalar(1)]), 'float', [2]);
  t.notThrows(() => verifyModel(makeModel(builder.graph)));
});

test('a node without its first input is refused', (t) => {
  const builder = new GraphBuilder();
  builder.output(builder.op('Softmax', []), 'float', [2]);
  t.throws(() => verifyModel(makeModel(builder.graph)), { message: /Softmax ".*" lacks its first input/ });
});
