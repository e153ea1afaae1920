import test, { type ExecutionContext } from 'ava';
import { fuseGemm } from '../../../src/lowering/products/gemm.js';
import { stackProducts } from '../../../src/lowering/products/stacked.js';
import { reshapedStrides } from '../../../src/lowering/products/views.js';
import { float } from '../../../src/onnx/attributes.js';
import { GraphBuilder, makeModel, valueInfo } from '../../../src/onnx/builder.js';
import { microsoft, opKey } from '../../../src/onnx/domains.js';
import type { Graph } from '../../../src/onnx/proto.js';
import { inferTypes } from '../../../src/ort/infer-types.js';
import { openRuntime } from '../../../src/ort/library.js';
import { allocate, Session } from '../../../src/ort/session.js';

const runtime = openRuntime('stock');
const model = (graph: Graph) => makeModel(graph, { [microsoft]: 1 });

/** Outputs of a graph for inputs by a fixed rule. */
async function run(graph: Graph): Promise<Float32Array[]> {
  const session = await Session.create(runtime, model(graph), { intraOpThreads: 1 });
  const binding = session.createBinding();
  for (const { name, type, dims: shape } of session.inputs) {
    const dims = shape!;
    const count = dims.reduce<number>((product, dim) => product * Number(dim), 1);
    const buffer = allocate(count * 4);
    buffer.write(Float32Array.from({ length: count }, (_, i) => Math.sin(1 + 0.7 * i + name.length * 3)));
    binding.bindInput(name, buffer, type, dims.map(Number));
  }
  for (const { name } of session.outputs) binding.bindOutput(name);
  await binding.run();
  const values = binding.fetch().map(({ data }) => Float32Array.from(new Float32Array(data)));
  binding.dispose();
  session.dispose();
  return values;
}

/** Builds a graph, rewrites it, checks that it computes the same, and gives its operators. */
async function fused(
  t: ExecutionContext,
  inputs: Readonly<Record<string, readonly number[]>>,
  build: (b: GraphBuilder) => readonly string[],
  rewrite = fuseGemm,
): Promise<string[]> {
  const builder = new GraphBuilder();
  for (const [name, dims] of Object.entries(inputs)) builder.input(name, 'float', dims);
  const outputs = build(builder);
  const types = await inferTypes(runtime, model(builder.graph));
  const output = outputs.map((name) => valueInfo(name, types.get(name)!.type, types.get(name)!.dims));
  const graph = { ...builder.graph, output };
  const after = rewrite(graph, types);
  const [expected, found] = [await run(graph), await run(after)];
  for (const [at, values] of expected.entries())
    for (const [i, value] of values.entries())
      t.true(
        Math.abs(value - found[at]![i]!) < 1e-5,
        `${outputs[at]}[${i}]: ${found[at]![i]}, expected ${value}`,
      );
  return after.node.map(opKey);
}

const matrix = { x: [3, 4], y: [4, 5] };
const transpose = (b: GraphBuilder, value: string, perm: readonly number[]) =>
  b.op('Transpose', [value], { perm });

test('a batch times a transposed matrix, and a bias: one Gemm', async (t) => {
  const ops = await fused(t, { x: [2, 3, 4], w: [5, 4], b: [5] }, (b) => [
    b.op('Add', ['b', b.op('MatMul', ['x', transpose(b, 'w', [1, 0])])]),
  ]);
  t.deepEqual(ops, ['Reshape', 'Gemm', 'Reshape']);
});

test('a batch of exchanged matrices times one is copied, then one Gemm', async (t) => {
  const ops = await fused(t, { x: [2, 4, 3], w: [4, 5] }, (b) => [
    b.op('MatMul', [transpose(b, 'x', [0, 2, 1]), 'w']),
  ]);
  t.deepEqual(ops, ['Transpose', 'Reshape', 'Gemm', 'Reshape']);
});

test('a transposed product of matrices is the product of the transposed ones', async (t) => {
  for (const [transA, transB] of [
    [0, 0],
    [1, 0],
    [0, 1],
    [1, 1],
  ]) {
    const inputs = { x: transA ? [4, 3] : [3, 4], y: transB ? [5, 4] : [4, 5] };
    const ops = await fused(t, inputs, (b) => [
      transpose(b, b.op('Gemm', ['x', 'y'], { transA: transA!, transB: transB!, alpha: float(0.5) }), [1, 0]),
    ]);
    t.deepEqual(ops, ['Gemm']);
  }
});

test('operands that are transposed twice are as they were', async (t) => {
  const ops = await fused(t, matrix, (b) => [
    b.op('MatMul', [transpose(b, transpose(b, 'x', [1, 0]), [1, 0]), 'y']),
  ]);
  t.deepEqual(ops, ['Gemm']);
});

test('a summand is the input C of a Gemm that has none', async (t) => {
  const inputs = { ...matrix, z: [3, 5], c: [5] };
  t.deepEqual(await fused(t, inputs, (b) => [b.op('Add', [b.op('MatMul', ['x', 'y']), 'z'])]), ['Gemm']);
  const twice = await fused(t, inputs, (b) => [
    b.op('Add', ['z', b.op('Gemm', ['x', 'y', 'c'], { beta: float(0.5) })]),
  ]);
  t.deepEqual(twice, ['Gemm', 'Add']);
  const transposed = await fused(t, { ...matrix, z: [5, 3] }, (b) => [
    b.op('Add', ['z', transpose(b, b.op('MatMul', ['x', 'y']), [1, 0])]),
  ]);
  t.deepEqual(transposed, ['Gemm']);
});

test('of two products in a sum one takes in the other', async (t) => {
  const ops = await fused(t, { ...matrix, u: [3, 2], v: [5, 2] }, (b) => [
    b.op('Add', [b.op('MatMul', ['x', 'y']), b.op('MatMul', ['u', transpose(b, 'v', [1, 0])])]),
  ]);
  t.deepEqual(ops, ['Gemm', 'Gemm']);
});

test('a summand that makes the sum larger is added behind', async (t) => {
  const ops = await fused(t, { ...matrix, z: [2, 3, 5], c: [3, 1] }, (b) => [
    b.op('Add', [b.op('MatMul', ['x', 'y']), 'z']),
    b.op('Add', [b.op('MatMul', ['x', 'y']), 'c']),
  ]);
  t.deepEqual(ops, ['Gemm', 'Add', 'Gemm', 'Add']);
});

test('what is read elsewhere, or given out, is still made', async (t) => {
  const ops = await fused(t, { ...matrix, z: [3, 5] }, (b) => {
    const [first, second] = [b.op('MatMul', ['x', 'y']), b.op('MatMul', ['x', 'y'])];
    return [first, b.op('Add', [first, 'z']), transpose(b, second, [1, 0]), b.op('Neg', [second])];
  });
  t.deepEqual(ops, ['Gemm', 'Gemm', 'Add', 'Transpose', 'Neg']);
});

test('products of two batches read exchanged matrices', async (t) => {
  const ops = await fused(t, { x: [2, 4, 3], y: [2, 5, 4] }, (b) => [
    b.op('MatMul', [transpose(b, 'x', [0, 2, 1]), transpose(b, 'y', [0, 2, 1])]),
  ]);
  t.deepEqual(ops, [`${microsoft}:FusedMatMul`]);
});

test('a transpose of other axes stays', async (t) => {
  const ops = await fused(t, { x: [3, 2, 4], y: [2, 4, 5] }, (b) => [
    b.op('MatMul', [transpose(b, 'x', [1, 0, 2]), 'y']),
  ]);
  t.deepEqual(ops, ['Transpose', 'MatMul']);
});

test('strides of another shape: axes are split, and merged where memory goes on', (t) => {
  t.deepEqual(reshapedStrides([2, 6], [6, 1], [2, 2, 3]), [6, 3, 1]);
  t.deepEqual(reshapedStrides([2, 3, 4], [12, 4, 1], [6, 4]), [4, 1]);
  t.deepEqual(reshapedStrides([2, 3, 4], [12, 4, 1], [24]), [1]);
  t.deepEqual(reshapedStrides([2, 3, 4], [4, 8, 1], [3, 8]), undefined, 'transposed');
  t.deepEqual(reshapedStrides([2, 3, 4], [4, 8, 1], [2, 3, 2, 2]), [4, 8, 2, 1]);
  t.deepEqual(reshapedStrides([4, 6], [100, 1], [2, 2, 6]), [200, 100, 1], 'rows with gaps');
  t.deepEqual(reshapedStrides([4, 6], [100, 1], [3, 8]), undefined);
  t.deepEqual(reshapedStrides([1, 5, 1], [7, 1, 3], [5]), [1]);
  t.deepEqual(reshapedStrides([1, 1], [1, 1], [1, 1, 1]), [0, 0, 0]);
  t.deepEqual(reshapedStrides([3, 4], [0, 1], [3, 2, 2]), [0, 2, 1], 'repeated rows');
});

test('a product behind thousands of transposes reads what they begin with', async (t) => {
  const ops = await fused(t, matrix, (b) => {
    let x = 'x';
    for (let i = 0; i < 12_000; i++) x = transpose(b, x, [1, 0]);
    return [b.op('MatMul', [x, 'y'])];
  });
  t.deepEqual(ops.slice(-1), ['Gemm']);
});

const gemms = (
  b: GraphBuilder,
  terms: number,
  attributes: Readonly<Record<string, number | ReturnType<typeof float>>>,
) => Array.from({ length: terms }, (_, at) => b.op('Gemm', [`x${at}`, `y${at}`], attributes));
const operands = (terms: number, x: readonly number[], y: readonly number[]) =>
  Object.fromEntries(
    Array.from({ length: terms }, (_, at) => [
      [`x${at}`, x],
      [`y${at}`, y],
    ]).flat() as [string, readonly number[]][],
  );

test('a sum of products is one product of the matrices side by side, however they are read', async (t) => {
  for (const [transA, transB] of [
    [0, 0],
    [1, 0],
    [0, 1],
    [1, 1],
  ] as const) {
    const ops = await fused(
      t,
      operands(4, transA ? [2, 7] : [7, 2], transB ? [9, 2] : [2, 9]),
      (b) => [b.op('Sum', gemms(b, 4, { transA, transB, alpha: float(0.5) }))],
      stackProducts,
    );
    t.deepEqual(ops, ['Concat', 'Concat', 'Gemm']);
  }
});

test('summands that are no products, or of another form, stay summands', async (t) => {
  const ops = await fused(
    t,
    { ...operands(4, [2, 7], [2, 9]), z: [7, 9], v: [7, 3], w: [3, 9] },
    (b) => [b.op('Sum', ['z', ...gemms(b, 4, { transA: 1 }), b.op('MatMul', ['v', 'w'])])],
    stackProducts,
  );
  t.deepEqual(ops, ['MatMul', 'Concat', 'Concat', 'Gemm', 'Sum']);
});

test('products whose operands are larger than they, and those read elsewhere, are summed as they are', async (t) => {
  const large = await fused(
    t,
    operands(3, [20, 7], [20, 9]),
    (b) => [b.op('Sum', gemms(b, 3, { transA: 1 }))],
    stackProducts,
  );
  t.deepEqual(large, ['Gemm', 'Gemm', 'Gemm', 'Sum']);
  const elsewhere = await fused(
    t,
    operands(3, [2, 7], [2, 9]),
    (b) => {
      const products = gemms(b, 3, { transA: 1 });
      return [b.op('Sum', products), b.op('Neg', [products[1]!])];
    },
    stackProducts,
  );
  t.deepEqual(elsewhere, ['Gemm', 'Gemm', 'Gemm', 'Sum', 'Neg']);
});
