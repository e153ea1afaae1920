import test from 'ava';
import { fuseAddSlices } from '../../../src/lowering/kernels/add-slices.js';
import { GraphBuilder, makeModel, valueInfo } from '../../../src/onnx/builder.js';
import { flatminDomain, opKey } from '../../../src/onnx/domains.js';
import type { Graph } from '../../../src/onnx/proto.js';
import { DataType, elementCount } from '../../../src/onnx/tensors/tensor.js';
import { inferTypes } from '../../../src/ort/infer-types.js';
import { openRuntime } from '../../../src/ort/library.js';
import { allocate, Session } from '../../../src/ort/session.js';

const runtime = openRuntime('stock');
const fused = `${flatminDomain}:AddSlices`;

interface Scatter {
  readonly dims: readonly number[];
  readonly axis: number;
  /** Positions on the axis. */
  readonly at: readonly number[];
  readonly type?: 'int32' | 'int64';
  /** What the slices are added to. Default: zeros. */
  readonly start?: readonly number[];
  readonly reduction?: string;
  /** The shape of the indices before they are stretched over the slices. Default: one of them along the axis. */
  readonly indexDims?: readonly number[];
}

/** Slices added as the gradient of a Gather does it. */
async function scatter({ dims, axis, at, type = 'int64', ...given }: Scatter) {
  const b = new GraphBuilder();
  const lines = dims.map((size, each) => (each === axis ? at.length : size));
  b.input('updates', 'float', lines);
  const values = type === 'int64' ? BigInt64Array.from(at, BigInt) : Int32Array.from(at);
  const indexDims = given.indexDims ?? lines.map((size, each) => (each === axis ? size : 1));
  const index = b.constant(type, indexDims, values);
  const indices = b.op('Expand', [index, b.ints(lines)]);
  const start = given.start
    ? b.constant('float', dims, Float32Array.from(given.start))
    : b.op('ConstantOfShape', [b.ints(dims)]);
  b.op(
    'ScatterElements',
    [start, indices, 'updates'],
    { axis, reduction: given.reduction ?? 'add' },
    { outputs: ['sum'] },
  );
  const graph: Graph = { ...b.graph, output: [valueInfo('sum', DataType.float, dims)] };
  const types = await inferTypes(runtime, makeModel(graph));
  return { graph, after: fuseAddSlices(graph, types), lines };
}

async function run(graph: Graph, lines: readonly number[]): Promise<number[]> {
  const model = makeModel(graph, { [flatminDomain]: 1 });
  const session = await Session.create(runtime, model, { intraOpThreads: 2, kernels: true });
  const binding = session.createBinding();
  const count = elementCount(lines);
  const buffer = allocate(Math.max(1, count) * 4);
  // Sums of these are exact in any order.
  buffer.write(Float32Array.from({ length: count }, (_, i) => ((i * 37) % 101) / 64));
  binding.bindInput('updates', buffer, DataType.float, lines);
  binding.bindOutput('sum');
  try {
    await binding.run();
    return Array.from(new Float32Array(binding.fetch()[0]!.data));
  } finally {
    binding.dispose();
    session.dispose();
  }
}

const cases: Scatter[] = [
  { dims: [7, 5], axis: 0, at: [3, 0, 3, 6, -1, 3] },
  { dims: [2, 6, 3], axis: 1, at: [5, 5, 0, -6] },
  { dims: [4, 9], axis: 1, at: [8, 1, 8], type: 'int32' },
  { dims: [11], axis: 0, at: [1, 1, 1, 10, 2] },
  { dims: [3000, 40], axis: 0, at: Array.from({ length: 700 }, (_, i) => (i * i * 31) % 3000) },
  { dims: [2, 2, 1000, 33], axis: 2, at: Array.from({ length: 90 }, (_, i) => (i * 17) % 50) },
  { dims: [5, 3], axis: 0, at: [2] },
];

for (const each of cases) {
  const { dims, axis, at } = each;
  test(`${at.length} slices added along axis ${axis} of ${dims.join(' × ')}: the kernel's sums are those of ScatterElements`, async (t) => {
    const { graph, after, lines } = await scatter(each);
    const ops = after.node.map(opKey);
    t.true(ops.includes(fused), ops.join(' '));
    t.false(ops.includes('Expand'), 'an index for each element');
    t.deepEqual(await run(after, lines), await run(graph, lines));
  });
}

test('what is no sum of whole slices over zeros stays as it is', async (t) => {
  const others: Scatter[] = [
    { dims: [4, 2], axis: 0, at: [1, 3], start: [0, 0, 0, 1, 0, 0, 0, 0] },
    { dims: [4, 2], axis: 0, at: [1, 3], reduction: 'mul' },
    { dims: [4, 2], axis: 0, at: [1, 3], indexDims: [1, 2] },
  ];
  for (const each of others) {
    const { after } = await scatter(each);
    t.true(after.node.map(opKey).includes('ScatterElements'), JSON.stringify(each));
  }
});

test('an index outside of the axis is an error that names it', async (t) => {
  for (const bad of [5, -6]) {
    const { after, lines } = await scatter({ dims: [5, 3], axis: 0, at: [0, bad] });
    await t.throwsAsync(run(after, lines), {
      message: new RegExp(`AddSlices: index ${bad} is outside of 5 positions`),
    });
  }
});
