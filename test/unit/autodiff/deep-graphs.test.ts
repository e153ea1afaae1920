import test from 'ava';
import { prepareModel } from '../../../src/autodiff/prepare/prepare.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import type { ModelProto } from '../../../src/onnx/proto.js';
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
