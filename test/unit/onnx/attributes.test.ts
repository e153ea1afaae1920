import test from 'ava';
import { stringAttribute } from '../../../src/onnx/attributes.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { decodeModel, encodeModel } from '../../../src/onnx/proto.js';

test('a text that is no text in the file is its default', (t) => {
  const builder = new GraphBuilder();
  builder.input('x', 'float', [1]);
  builder.op('Cast', ['x'], { to: 1 });
  const { graph } = decodeModel(encodeModel(makeModel(builder.graph)), 'the model');
  t.is(stringAttribute(graph.node[0]!, 'to', 'none'), 'none');
});
