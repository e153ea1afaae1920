import test from 'ava';
import { listedOps, precisionOf } from '../../../src/autodiff/precision/classes.js';
import { toHalfPrecision } from '../../../src/autodiff/precision/half-precision.js';
import { rules } from '../../../src/autodiff/registry.js';
import { FlatminError } from '../../../src/errors.js';
import { intAttribute } from '../../../src/onnx/attributes.js';
import { emptyGraph, GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import type { Graph, Node } from '../../../src/onnx/proto.js';
import { decodeHalf } from '../../../src/onnx/tensors/floats.js';
import { DataType, tensorData } from '../../../src/onnx/tensors/tensor.js';
import type { ValueTypes } from '../../../src/onnx/value-types.js';
import { inferTypes } from '../../../src/ort/infer-types.js';
import { openRuntime } from '../../../src/ort/library.js';

const runtime = openRuntime('stock');

interface Converted {
  graph: Graph;
  types: ValueTypes;
  /** The node that makes a value. */
  maker(name: string): Node;
  typeOf(name: string): number;
  casts: readonly Node[];
}

/** A graph over x [2, 4] (data) and w [4, 4] (a parameter), put into float16 and found well typed by ONNX Runtime. */
async function convert(
  build: (builder: GraphBuilder) => void,
  loss: readonly string[] = [],
): Promise<Converted> {
  const builder = new GraphBuilder(emptyGraph('case'));
  builder.input('x', 'float', [2, 4]);
  builder.input('w', 'float', [4, 4]);
  build(builder);
  const known = await inferTypes(runtime, makeModel(builder.graph));
  const options = { type: 'float16', neutral: ['w'], loss, batchNorm: 'batch' } as const;
  const { graph, types } = toHalfPrecision(builder.graph, known, options);
  for (const [name, { type }] of await inferTypes(runtime, makeModel({ ...graph, output: [] })))
    if (types.has(name) && types.get(name)!.type !== type)
      throw new Error(`"${name}" is of type ${type}, not ${types.get(name)!.type}.`);
  return {
    graph,
    types,
    maker: (name) => graph.node.find(({ output }) => output.includes(name))!,
    typeOf: (name) => types.get(name)!.type,
    casts: graph.node.filter(({ opType }) => opType === 'Cast'),
  };
}

const named = (name: string) => ({ outputs: [name] });
const { float, float16 } = DataType;

test('every operator with a gradient rule has a class by choice', (t) => {
  // Rewritten before the pass, or made after it.
  const others = [
    ...['Cast', 'CastLike', 'com.microsoft:BatchNormInternal', 'com.microsoft:ConvGrad'],
    ...['com.microsoft:ReluGrad', 'flatmin.training:RunningNormGrad'],
  ];
  t.deepEqual(
    Object.keys(rules).filter((op) => !listedOps.has(op) && !others.includes(op)),
    [],
  );
  t.is(precisionOf('SomethingNew', 'batch').class, 'float32');
  t.is(precisionOf('BatchNormalization', 'batch').class, 'follow');
  t.is(precisionOf('BatchNormalization', 'running').class, 'float32');
});

test('a value is cast once, whoever reads it', async (t) => {
  const { casts, maker } = await convert((b) => {
    b.op('MatMul', ['x', 'w'], {}, named('a'));
    b.op('MatMul', ['x', 'w'], {}, named('b'));
    b.op('Softmax', ['a'], {}, named('s'));
    b.op('ReduceMean', ['a'], {}, named('m'));
  });
  t.deepEqual(
    casts.map(({ input, output }) => [input[0], output[0]]),
    [
      ['x', 'x_float16'],
      ['w', 'w_float16'],
      ['a', 'a_float'],
    ],
  );
  t.is(maker('s').input[0], 'a_float');
  t.is(maker('m').input[0], 'a_float');
});

test('operators that follow are half among half operands and float32 among mixed ones', async (t) => {
  const { typeOf, casts } = await convert((b) => {
    b.op('MatMul', ['x', 'w'], {}, named('a'));
    b.op('Relu', ['a'], {}, named('r'));
    b.op('Add', ['a', 'r'], {}, named('residual'));
    b.op('Add', ['x', 'r'], {}, named('mixed'));
    b.op('Tanh', ['x'], {}, named('early'));
  });
  t.deepEqual([typeOf('r'), typeOf('residual')], [float16, float16]);
  t.deepEqual([typeOf('mixed'), typeOf('early')], [float, float]);
  t.is(casts.length, 3);
});

test('what is computed of parameters alone is float32, and goes along with activations', async (t) => {
  const { typeOf, maker } = await convert((b) => {
    b.op('MatMul', ['x', 'w'], {}, named('a'));
    b.op('Gather', ['w', b.constant('int64', [], BigInt64Array.of(0n))], {}, named('bias'));
    b.op('Add', ['a', 'bias'], {}, named('sum'));
  });
  t.deepEqual([typeOf('bias'), typeOf('sum')], [float, float16]);
  t.deepEqual(maker('sum').input, ['a', 'bias_float16']);
});

test('constants are rounded once and for all, where half precision holds them', async (t) => {
  const { graph, typeOf, casts } = await convert((b) => {
    b.op('MatMul', ['x', 'w'], {}, named('a'));
    b.op('Mul', ['a', b.scalar(0.1)], {}, named('scaled'));
    b.op('Add', ['a', b.scalar(-1e9)], {}, named('masked'));
    b.op('Add', ['a', b.scalar(1e-12)], {}, named('shifted'));
    b.op('Clip', ['a', b.scalar(0), b.scalar(3.4e38)], {}, named('clipped'));
  });
  t.deepEqual(['scaled', 'masked', 'shifted', 'clipped'].map(typeOf), [float16, float, float, float16]);
  t.is(casts.length, 3);
  const rounded = graph.initializer.filter(({ dataType }) => dataType === float16);
  const values = rounded.map((tensor) => decodeHalf(float16, tensorData(tensor) as Uint16Array)[0]);
  t.deepEqual(values, [0.0999755859375, 0, Infinity]);
  t.is(graph.initializer.length, 5);
});

test('the loss and what it is computed from is float32, whatever the operator', async (t) => {
  const { typeOf } = await convert(
    (b) => {
      b.op('MatMul', ['x', 'w'], {}, named('a'));
      b.op('MatMul', ['a', 'w'], {}, named('scores'));
      b.op('Mul', ['scores', 'scores'], {}, named('squares'));
      b.op('MatMul', ['squares', 'w'], {}, named('product'));
    },
    ['squares', 'product'],
  );
  t.deepEqual([typeOf('scores'), typeOf('squares'), typeOf('product')], [float16, float, float]);
});

test('integers, truth values and shapes stay', async (t) => {
  const { typeOf, casts } = await convert((b) => {
    b.op('MatMul', ['x', 'w'], {}, named('a'));
    b.op('Shape', ['a'], {}, named('shape'));
    b.op('Greater', ['a', b.scalar(0.5)], {}, named('above'));
    b.op('ArgMax', ['a'], { axis: 1 }, named('best'));
    b.op('Cast', ['best'], { to: DataType.float }, named('number'));
  });
  t.deepEqual(['shape', 'best', 'above'].map(typeOf), [DataType.int64, DataType.int64, DataType.bool]);
  t.is(typeOf('number'), float);
  t.is(casts.length, 3);
});

test('a cast of float32 to float32 hands its operand on', async (t) => {
  const { maker, typeOf } = await convert((b) => {
    b.op('MatMul', ['x', 'w'], {}, named('a'));
    b.op('Cast', ['a'], { to: DataType.float }, named('same'));
    b.op('Relu', ['same'], {}, named('r'));
  });
  t.is(maker('same').opType, 'Identity');
  t.deepEqual([typeOf('same'), typeOf('r')], [float16, float16]);
});

test('batch normalisation takes half-precision data with float32 parameters', async (t) => {
  const { maker, typeOf } = await convert((b) => {
    b.op('MatMul', ['x', 'w'], {}, named('a'));
    const four = b.constant('float', [4], Float32Array.of(1, 2, 3, 4));
    b.op('BatchNormalization', ['a', four, four, four, four], {}, named('y'));
  });
  t.is(typeOf('y'), float16);
  t.deepEqual(maker('y').input.map(typeOf), [float16, float, float, float, float]);
});

test('subgraphs read float32 values by their own names', async (t) => {
  const { maker, typeOf } = await convert((b) => {
    b.op('MatMul', ['x', 'w'], {}, named('a'));
    const branch = (opType: string): Graph => {
      const inner = new GraphBuilder(emptyGraph(opType));
      inner.output(inner.op(opType, ['a'], {}, { outputs: [`inner_${opType}`] }), 'float');
      return inner.graph;
    };
    const all = b.op('ReduceSum', ['x'], { keepdims: 0 });
    const condition = b.op('Greater', [all, b.scalar(0)]);
    b.op(
      'If',
      [condition],
      { then_branch: { graph: branch('Neg') }, else_branch: { graph: branch('Abs') } },
      named('y'),
    );
    b.op('Relu', ['a'], {}, named('r'));
  });
  t.deepEqual(['a', 'y', 'r'].map(typeOf), [float, float, float16]);
  t.is(maker('a').opType, 'Cast');
  t.is(intAttribute(maker('a'), 'to', 0), float);
  t.is(maker('r').input[0], 'a_float16');
});

test('a model that is half precision already is refused by name', async (t) => {
  const error = await t.throwsAsync(
    convert((b) => {
      b.op('Cast', ['x'], { to: DataType.float16 }, named('narrow'));
      b.op('Relu', ['narrow'], {}, named('r'));
    }),
    { instanceOf: FlatminError },
  );
  t.regex(error!.message, /"narrow" of model "case" is float16 already/);
});
