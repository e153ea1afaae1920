import test from 'ava';
import { FlatminError } from '../../../src/errors.js';
import { emptyGraph, makeModel } from '../../../src/onnx/builder.js';
import { copyMessage } from '../../../src/onnx/model.js';
import { decodeModel, encodeModel, int64 } from '../../../src/onnx/proto.js';
import { tensorData } from '../../../src/onnx/tensors/tensor.js';
import { field, message, values } from './wire.js';

/** Field numbers that no version of ONNX uses. */
const [unknownNumber, unknownText] = [9001, 9002];
const mark = (level: string) => message(field(unknownNumber, 77), field(unknownText, `kept in the ${level}`));

const tensor = message(
  field(1, 2), // dims
  field(2, 1), // float
  field(8, 'w'),
  field(9, new Uint8Array(Float32Array.of(1.5, -2).buffer)),
  mark('tensor'),
);
const attribute = message(field(1, 'axis'), field(3, -1), field(20, 2), mark('attribute'));
const node = message(
  field(1, 'x'),
  field(1, 'w'),
  field(2, 'y'),
  field(4, 'Add'),
  field(5, attribute),
  mark('node'),
);
const shape = message(field(1, message(field(2, 'batch'), mark('dimension'))), mark('shape'));
const type = message(field(1, message(field(1, 1), field(2, shape), mark('tensor type'))), mark('type'));
const input = message(field(1, 'x'), field(2, type), mark('value'));
const graph = message(
  field(1, node),
  field(2, 'g'),
  field(5, tensor),
  field(11, input),
  field(12, message(field(1, 'y'))),
  mark('graph'),
);
const bytes = message(
  field(1, 9),
  field(2, 'by hand'),
  field(7, graph),
  field(8, message(field(1, ''), field(2, 17), mark('operator set'))),
  field(14, message(field(1, 'key'), field(2, 'value'))),
  mark('model'),
);

/** Where a nested message is: field numbers from the model down. */
const levels: Record<string, number[]> = {
  model: [],
  graph: [7],
  node: [7, 1],
  attribute: [7, 1, 5],
  tensor: [7, 5],
  value: [7, 11],
  type: [7, 11, 2],
  'tensor type': [7, 11, 2, 1],
  shape: [7, 11, 2, 1, 2],
  dimension: [7, 11, 2, 1, 2, 1],
  'operator set': [8],
};

function unknownFields(model: Uint8Array, path: number[]): unknown[] {
  const inner = path.reduce((outer, id) => values(outer, id)[0] as Uint8Array, model);
  return [
    values(inner, unknownNumber)[0],
    new TextDecoder().decode(values(inner, unknownText)[0] as Uint8Array),
  ];
}

test('known fields are read', (t) => {
  const model = decodeModel(bytes, 'by hand');
  t.is(int64(model.irVersion), 9);
  t.is(model.producerName, 'by hand');
  t.is(int64(model.opsetImport[0]!.version), 17);
  const [add] = model.graph.node;
  t.like(add, { opType: 'Add', input: ['x', 'w'], output: ['y'] });
  t.is(int64(add!.attribute[0]!.i), -1);
  t.deepEqual([...tensorData(model.graph.initializer[0]!)], [1.5, -2]);
  t.is(model.graph.input[0]!.type!.tensorType!.shape!.dim![0]!.dimParam, 'batch');
});

for (const [level, path] of Object.entries(levels)) {
  test(`unknown fields survive a round trip: ${level}`, (t) => {
    const expected = [77n, `kept in the ${level}`];
    t.deepEqual(unknownFields(bytes, path), expected);
    t.deepEqual(unknownFields(encodeModel(decodeModel(bytes, 'by hand')), path), expected);
  });
}

test('a second round trip changes nothing', (t) => {
  const once = encodeModel(decodeModel(bytes, 'by hand'));
  t.deepEqual(encodeModel(decodeModel(once, 'by hand')), once);
});

test('a copied message keeps its unknown fields and is changed apart from the original', (t) => {
  const model = decodeModel(bytes, 'by hand');
  const copy = Object.assign(copyMessage(model), {
    graph: Object.assign(copyMessage(model.graph), { name: 'h' }),
  });
  const encoded = encodeModel(copy);
  t.deepEqual(unknownFields(encoded, []), [77n, 'kept in the model']);
  t.deepEqual(unknownFields(encoded, [7]), [77n, 'kept in the graph']);
  t.is(decodeModel(encoded, 'copy').graph.name, 'h');
  t.is(model.graph.name, 'g');
});

test('64-bit integers survive exactly', (t) => {
  const large = 2n ** 62n + 3n;
  const data = message(
    field(1, 1),
    field(2, 7),
    field(7, Uint8Array.from([...field(1, large)].slice(1))),
    field(8, 'n'),
  );
  const model = message(field(7, message(field(5, data))));
  const again = decodeModel(encodeModel(decodeModel(model, 'm')), 'm');
  t.deepEqual([...tensorData(again.graph.initializer[0]!)], [large]);
});

test('what is no model is refused, by its name', (t) => {
  for (const broken of [
    new Uint8Array(0),
    new TextEncoder().encode('this is a text file'),
    bytes.slice(0, bytes.length - 3),
    message(field(1, 9)),
    message(field(7, Uint8Array.of(0xff, 0xff))),
  ]) {
    const error = t.throws(() => decodeModel(broken, 'file.onnx'), { instanceOf: FlatminError });
    t.is(error.code, 'INVALID_MODEL');
    t.regex(error.message, /^file\.onnx is not a valid ONNX model/);
  }
});

test('messages in too many others are refused in words', (t) => {
  let inner = message(field(2, 'g'));
  // A graph in an attribute of a node of a graph.
  for (let level = 0; level < 40; level++)
    inner = message(field(1, message(field(5, message(field(6, inner))))));
  t.throws(() => decodeModel(message(field(7, inner)), 'deep.onnx'), {
    code: 'INVALID_MODEL',
    message: /deep\.onnx is not a valid ONNX model: its messages are in more than 100 others, as of an If/,
  });
});

test('messages in too many others are not written, and that is said in words', (t) => {
  let graph = emptyGraph('inner');
  for (let level = 0; level < 40; level++) {
    const attribute = [{ name: 'body', type: 5, g: graph }];
    graph = { ...emptyGraph('g'), node: [{ opType: 'If', name: '', input: [], output: [], attribute }] };
  }
  t.throws(() => encodeModel(makeModel(graph)), {
    code: 'INVALID_MODEL',
    message: /The model "g" cannot be written: its messages are in more than \d+ others/,
  });
});
