import test from 'ava';
import { float32Model, toFloat32 } from '../../../src/autodiff/prepare/float32.js';
import { prepareModel } from '../../../src/autodiff/prepare/prepare.js';
import { intAttribute, makeAttribute } from '../../../src/onnx/attributes.js';
import { emptyGraph, GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import type { Graph, Node } from '../../../src/onnx/proto.js';
import { asFloat32, encodeFloats, firstOverflow } from '../../../src/onnx/tensors/floats.js';
import { DataType, makeTensor, tensorData } from '../../../src/onnx/tensors/tensor.js';
import { runModel } from './run-model.js';

const half = (name: string, dims: number[], values: number[]) =>
  makeTensor(name, 'float16', dims, encodeFloats(DataType.float16, values));

test('a float32 graph is handed on as it is', (t) => {
  const builder = new GraphBuilder();
  builder.input('x', 'float', [2]);
  builder.output(builder.op('Cast', ['x'], { to: DataType.int64 }), 'int64', [2]);
  const { graph, ownTypes, otherTypes } = toFloat32(builder.graph);
  t.is(graph, builder.graph);
  t.is(ownTypes.size + otherTypes.size, 0);
});

const types: readonly (readonly [op: string, attribute: string])[] = [
  ['RandomNormalLike', 'dtype'],
  ['EyeLike', 'dtype'],
  ['HannWindow', 'output_datatype'],
  ['LayerNormalization', 'stash_type'],
  ['Attention', 'softmax_precision'],
  ['DequantizeLinear', 'output_dtype'],
  ['Cast', 'to'],
];
for (const [op, name] of types) {
  test(`${op}: ${name} becomes float32, and no other type does`, (t) => {
    const convert = (type: number) => {
      const builder = new GraphBuilder();
      builder.initializer(half('h', [1], [1]));
      builder.input('x', 'int64', [2, 2]);
      builder.op(op, ['x'], { [name]: type });
      return intAttribute(toFloat32(builder.graph).graph.node[0]!, name, -1);
    };
    for (const type of [DataType.float16, DataType.bfloat16, DataType.double])
      t.is(convert(type), DataType.float);
    for (const type of [DataType.float, DataType.int64, DataType.bool, DataType.int8])
      t.is(convert(type), type);
  });
}

/** y = If(c, x + h, x·h) in float16, h inside each branch, and a Constant, a ConstantOfShape and casts outside. */
function branching(): Graph {
  const branch = (name: string, opType: string): Graph => ({
    ...emptyGraph(name),
    initializer: [half(`${name}_h`, [2], [2, 3])],
    node: [{ opType, name, input: ['wide', `${name}_h`], output: [`${name}_y`], attribute: [] }],
    output: [{ name: `${name}_y`, type: { tensorType: { elemType: DataType.float16 } } }],
  });
  const builder = new GraphBuilder();
  builder.input('x', 'float', [2]);
  builder.input('c', 'bool', []);
  const narrow = builder.op('Cast', ['x'], { to: DataType.float16 });
  const one = builder.op(
    'Constant',
    [],
    { value: { tensor: half('', [2], [1, 0.5]) } },
    { outputs: ['one'] },
  );
  const shape = builder.ints([2]);
  const two = builder.op(
    'ConstantOfShape',
    [shape],
    { value: { tensor: half('', [1], [0.25]) } },
    { outputs: ['two'] },
  );
  builder.op('Sum', [narrow, one, two], {}, { outputs: ['wide'] });
  const chosen: Node = {
    opType: 'If',
    name: 'if',
    input: ['c'],
    output: ['chosen'],
    attribute: [
      makeAttribute('then_branch', { graph: branch('then', 'Add') }),
      makeAttribute('else_branch', { graph: branch('else', 'Mul') }),
    ],
  };
  builder.graph.node.push(chosen);
  builder.output(builder.op('Cast', ['chosen'], { to: DataType.float }, { outputs: ['y'] }), 'float', [2]);
  return builder.graph;
}

test('branches, constants and declared types go along; the result computes the same', async (t) => {
  const given = makeModel(branching());
  const { graph, ownTypes, otherTypes } = toFloat32(given.graph);
  t.deepEqual(
    [...ownTypes],
    [
      ['one', DataType.float16],
      ['two', DataType.float16],
    ],
  );
  t.deepEqual([...otherTypes], [DataType.float16]);
  t.false(JSON.stringify(graph, (key, value) => (key === 'rawData' ? 0 : value)).includes('"dataType":10'));
  const branches = graph.node.find(({ opType }) => opType === 'If')!.attribute.map(({ g }) => g!);
  t.deepEqual(
    branches.map(({ output }) => output[0]!.type?.tensorType?.elemType),
    [DataType.float, DataType.float],
  );
  t.is(graph.node[0]!.opType, 'Identity', 'a cast from float32 to what is float32 now');
  const isTrue = makeTensor('c', 'bool', [], Uint8Array.of(1));
  const fix = (model: Graph) =>
    makeModel({
      ...model,
      input: model.input.filter(({ name }) => name !== 'c'),
      initializer: [...model.initializer, isTrue],
    });
  const x = { dims: [2], data: [3, -1] };
  const expected = [3 + 1 + 0.25 + 2, -1 + 0.5 + 0.25 + 3];
  for (const model of [fix(given.graph), fix(graph), prepareModel(fix(given.graph)).model])
    t.deepEqual((await runModel(model, { x })).y, expected);
});

test('a model in float32 keeps its functions, in float32 too', (t) => {
  const body = {
    name: 'Narrow',
    domain: 'own',
    input: ['x'],
    output: ['y'],
    attribute: [],
    attributeProto: [],
    opsetImport: [{ domain: '', version: 17 }],
    node: [
      {
        opType: 'Cast',
        name: '',
        input: ['x'],
        output: ['y'],
        attribute: [makeAttribute('to', DataType.bfloat16)],
      },
    ],
  };
  const converted = float32Model({ ...makeModel(branching(), { own: 1 }), functions: [body] });
  t.is(intAttribute(converted.functions[0]!.node[0]!, 'to', 0), DataType.float);
  t.is(converted.opsetImport.length, 2);
});

test('sequences of float16 become sequences of float32', (t) => {
  const builder = new GraphBuilder();
  const ofHalf = { tensorType: { elemType: DataType.float16 } };
  builder.graph.input.push({ name: 'x', type: { sequenceType: { elemType: ofHalf } } });
  builder.graph.input.push({ name: 'z', type: { optionalType: { elemType: ofHalf } } });
  const [x, z] = toFloat32(builder.graph).graph.input;
  t.is(x!.type?.sequenceType?.elemType?.tensorType?.elemType, DataType.float);
  t.is(z!.type?.optionalType?.elemType?.tensorType?.elemType, DataType.float);
});

test('bits of half-precision numbers cannot be kept: BitCast is refused by name', (t) => {
  const builder = new GraphBuilder();
  builder.initializer(half('h', [1], [1]));
  builder.op('BitCast', ['h'], { to: DataType.int16 }, { name: 'bits' });
  t.throws(() => toFloat32(builder.graph), { code: 'INVALID_MODEL', message: /BitCast "bits"/ });
});

test('doubles beyond float32 become its largest numbers, infinities stay', (t) => {
  const doubles = Float64Array.of(-Number.MAX_VALUE, 1e300, Infinity, Number.NaN, 0.1, 1e-300);
  const {
    dataType,
    dims,
    doubleData = [],
    rawData,
  } = asFloat32({
    dims: [6],
    dataType: DataType.double,
    doubleData: [...doubles],
  });
  const largest = 2 ** 128 - 2 ** 104;
  t.deepEqual(
    [...(tensorData({ dataType: dataType!, dims: dims!, rawData: rawData! }) as Float32Array)],
    [-largest, largest, Infinity, Number.NaN, Math.fround(0.1), 0],
  );
  t.is(doubleData.length, 0);
});

test('what rounds to infinity is an overflow, what rounds to the largest number is none', (t) => {
  const { float16, bfloat16, double, float } = DataType;
  t.is(firstOverflow(float16, Float32Array.of(1, 65519, -Infinity, Number.NaN)), undefined);
  t.deepEqual(firstOverflow(float16, Float32Array.of(1, -65520)), { value: -65520, largest: 65504 });
  t.is(firstOverflow(bfloat16, Float32Array.of(3.39e38, -1)), undefined);
  t.is(firstOverflow(bfloat16, Float32Array.of(2 ** 128 - 2 ** 104))!.value, 2 ** 128 - 2 ** 104);
  for (const type of [float, double]) t.is(firstOverflow(type, Float32Array.of(3.4e38)), undefined);
});
