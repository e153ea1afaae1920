import test from 'ava';
import { prepareModel } from '../../../src/autodiff/prepare/prepare.js';
import { float, makeAttribute } from '../../../src/onnx/attributes.js';
import { emptyGraph, GraphBuilder, makeModel, valueInfo } from '../../../src/onnx/builder.js';
import type { FunctionProto, Node } from '../../../src/onnx/proto.js';
import { makeTensor, tensorData } from '../../../src/onnx/tensors/tensor.js';
import { runModel } from './run-model.js';

const node = (
  opType: string,
  input: string[],
  output: string[],
  attribute: Node['attribute'] = [],
  domain = '',
): Node => ({
  opType,
  name: '',
  input,
  output,
  attribute,
  domain,
});

const body = (name: string, nodes: Node[], given: Partial<FunctionProto> = {}): FunctionProto => ({
  name,
  domain: 'own',
  input: ['x'],
  output: ['y'],
  attribute: [],
  attributeProto: [],
  opsetImport: [{ domain: '', version: 17 }],
  node: nodes,
  ...given,
});

/** x through calls of functions. */
function calling(nodes: Node[], functions: FunctionProto[]) {
  const builder = new GraphBuilder();
  builder.input('x', 'float', [2]);
  builder.graph.node.push(...nodes);
  builder.output('out', 'float');
  const model = makeModel(builder.graph, { own: 1 });
  return { ...model, functions };
}

test('functions are inlined: nested, called twice, with attributes given and by default', async (t) => {
  const constant = { ...makeAttribute('value_float', float(0)), refAttrName: 'by' };
  delete (constant as { f?: number }).f;
  const shift = body('Shift', [node('Constant', [], ['c'], [constant]), node('Add', ['x', 'c'], ['y'])], {
    attributeProto: [makeAttribute('by', float(1))],
  });
  const twice = body('Twice', [
    node('Shift', ['x'], ['c'], [makeAttribute('by', float(10))], 'own'),
    node('Shift', ['c'], ['y'], [], 'own'),
  ]);
  const model = calling(
    [node('Twice', ['x'], ['h'], [], 'own'), node('Twice', ['h'], ['out'], [], 'own')],
    [shift, twice],
  );
  const prepared = prepareModel(model);
  t.deepEqual(new Set(prepared.model.graph.node.map(({ opType }) => opType)), new Set(['Add']));
  t.deepEqual(prepared.model.functions, []);
  t.is(prepared.origins.size, 0, 'constants of functions are not the file’s own');
  t.deepEqual(await runModel(prepared.model, { x: { dims: [2], data: [1, 2] } }), { out: [23, 24] });
});

test('functions are inlined in bodies too, and bodies in functions: each copy has values of its own', async (t) => {
  const branch = (name: string, nodes: Node[]) => ({
    name,
    type: 5,
    g: { ...emptyGraph(name), node: nodes, output: [valueInfo('r', 'float')] },
  });
  const choose = (call: string) => [
    branch('then_branch', [node(call, ['x'], ['r'], [], 'own')]),
    branch('else_branch', [node('Identity', ['x'], ['r'])]),
  ];
  const double = body('Double', [node('Neg', ['x'], ['r']), node('Sub', ['x', 'r'], ['y'])]);
  const maybe = body('Maybe', [
    node('ReduceSum', ['x'], ['s']),
    node('Greater', ['s', 'zero'], ['c']),
    node('If', ['c'], ['y'], choose('Double')),
  ]);
  maybe.node.unshift(node('Constant', [], ['zero'], [makeAttribute('value_float', float(0))]));
  const model = calling(
    [
      node('Maybe', ['x'], ['h'], [], 'own'),
      node('Maybe', ['h'], ['k'], [], 'own'),
      node('Cast', ['k'], ['b'], [makeAttribute('to', 9)]),
      node('ReduceMax', ['k'], ['m'], [makeAttribute('keepdims', 0)]),
      node('Cast', ['m'], ['c'], [makeAttribute('to', 9)]),
      node(
        'If',
        ['c'],
        ['out'],
        [
          branch('then_branch', [node('Maybe', ['k'], ['r'], [], 'own')]),
          branch('else_branch', [node('Identity', ['k'], ['r'])]),
        ],
      ),
    ],
    [double, maybe],
  );
  const { model: prepared } = prepareModel(model);
  const all = JSON.stringify(prepared.graph);
  t.notRegex(all, /"(Double|Maybe)"/);
  t.deepEqual(await runModel(prepared, { x: { dims: [2], data: [1, 2] } }), { out: [8, 16] });
  t.deepEqual(await runModel(prepared, { x: { dims: [2], data: [-1, -2] } }), { out: [-1, -2] });
});

test('a function that calls itself from a body in it is refused', (t) => {
  const then = {
    name: 'then_branch',
    type: 5,
    g: { ...emptyGraph('b'), node: [node('Loop', ['x'], ['y'], [], 'own')] },
  };
  const loop = body('Loop', [node('If', ['x'], ['y'], [then])]);
  t.throws(() => prepareModel(calling([node('Loop', ['x'], ['out'], [], 'own')], [loop])), {
    message: /calls itself/,
  });
});

test('a function that calls itself is refused', (t) => {
  const loop = body('Loop', [node('Loop', ['x'], ['y'], [], 'own')]);
  t.throws(() => prepareModel(calling([node('Loop', ['x'], ['out'], [], 'own')], [loop])), {
    message: /calls itself/,
  });
});

test('functions that call the next twice are refused before there are more nodes than memory', (t) => {
  const row = Array.from({ length: 40 }, (_, index) => {
    const next = index === 39 ? ['Neg', ''] : [`F${index + 1}`, 'own'];
    const call = (from: string, to: string) => node(next[0]!, [from], [to], [], next[1]!);
    return body(`F${index}`, [call('x', 'h'), call('h', 'y')]);
  });
  const model = calling([node('F0', ['x'], ['out'], [], 'own')], row);
  t.throws(() => prepareModel(model), {
    code: 'INVALID_MODEL',
    message: /The function "F0" comes to [\d,]{10,} nodes .*expected at most 100,000/,
  });
  const few = calling([node('F30', ['x'], ['out'], [], 'own')], row);
  t.is(prepareModel(few).model.graph.node.length, 1024);
});

test('functions called through too many others are refused', (t) => {
  const row = Array.from({ length: 5000 }, (_, index) =>
    body(`F${index}`, [
      node(index === 4999 ? 'Neg' : `F${index + 1}`, ['x'], ['y'], [], index === 4999 ? '' : 'own'),
    ]),
  );
  t.throws(() => prepareModel(calling([node('F0', ['x'], ['out'], [], 'own')], row)), {
    code: 'INVALID_MODEL',
    message: /F64.* is a function that is called through more than 64 others/,
  });
});

test('a function may hand an input on', async (t) => {
  const pass = body('Pass', [], { output: ['x'] });
  const { model } = prepareModel(calling([node('Pass', ['x'], ['out'], [], 'own')], [pass]));
  t.deepEqual(await runModel(model, { x: { dims: [2], data: [3, 4] } }), { out: [3, 4] });
});

test('constants of all kinds become initializers, and keep where they came from', (t) => {
  const builder = new GraphBuilder();
  builder.initializer(makeTensor('w', 'float', [2], Float32Array.of(1, 2)));
  builder.graph.input.push({ name: 'w' });
  const constant = (output: string, attribute: Node['attribute'][number]) =>
    builder.graph.node.push(node('Constant', [], [output], [attribute]));
  constant('tensor', makeAttribute('value', { tensor: makeTensor('', 'float', [1], Float32Array.of(3)) }));
  constant('floats', makeAttribute('value_floats', float([4, 5])));
  constant('ints', makeAttribute('value_ints', [6, 7]));
  constant('int', makeAttribute('value_int', 8));
  builder.initializer(makeTensor('filled__SHAPE', 'int64', [2], BigInt64Array.of(2n, 2n)));
  const value = { tensor: makeTensor('', 'float', [1], Float32Array.of(0.5)) };
  builder.graph.node.push(
    node('ConstantOfShape', ['filled__SHAPE'], ['filled'], [makeAttribute('value', value)]),
  );
  builder.graph.node.push(node('Identity', ['w'], ['alias']), node('Add', ['alias', 'floats'], ['y']));
  builder.output('y', 'float');

  const { model, origins, aliases } = prepareModel(makeModel(builder.graph));
  t.deepEqual(
    model.graph.node.map(({ opType, input }) => [opType, ...input]),
    [['Add', 'w', 'floats']],
  );
  t.deepEqual(model.graph.input, []);
  t.deepEqual([...aliases], [['w', ['alias']]]);
  const held = new Map(
    model.graph.initializer.map((each) => [each.name, Array.from(tensorData(each), Number)]),
  );
  t.deepEqual(held.get('tensor'), [3]);
  t.deepEqual(held.get('floats'), [4, 5]);
  t.deepEqual(held.get('ints'), [6, 7]);
  t.deepEqual(held.get('int'), [8]);
  t.deepEqual(held.get('filled'), [0.5, 0.5, 0.5, 0.5]);
  t.is(origins.get('w'), 'initializer');
  t.is(origins.get('floats'), 'constant');
  t.is(origins.get('filled'), 'filled');
});

test('training form becomes evaluation form', (t) => {
  const builder = new GraphBuilder();
  builder.input('x', 'float', ['batch', 2]);
  const weights = ['scale', 'bias', 'mean', 'var'].map((name) =>
    builder.initializer(makeTensor(name, 'float', [2], Float32Array.of(1, 1))),
  );
  const [y, mean] = builder.ops('BatchNormalization', ['x', ...weights], { training_mode: 1 }, { count: 3 });
  const active = builder.constant('bool', [], Uint8Array.of(1));
  const out = builder.op('Dropout', [y!, builder.scalar(0.5), active]);
  builder.output(out, 'float');
  builder.output(mean!, 'float');
  const given = makeModel(builder.graph);
  const { model, wasTraining } = prepareModel(given);
  t.true(wasTraining);
  const [norm] = model.graph.node.filter(({ opType }) => opType === 'BatchNormalization');
  t.deepEqual(norm!.output, [y!]);
  t.false(norm!.attribute.some(({ name }) => name === 'training_mode'));
  t.is(model.graph.node.find(({ opType }) => opType === 'Dropout')!.input.length, 2);
  t.true(
    model.graph.node.some(
      ({ opType, input, output }) => opType === 'Identity' && input[0] === 'mean' && output[0] === mean,
    ),
  );
  t.is(given.graph.node[0]!.output.length, 3, 'the given model is not changed');
});
