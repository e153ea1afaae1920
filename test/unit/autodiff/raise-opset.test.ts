import test from 'ava';
import { prepareModel } from '../../../src/autodiff/prepare/prepare.js';
import { type AttributeValue, float } from '../../../src/onnx/attributes.js';
import { type Dim, GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { type Floats, runModel } from './run-model.js';

interface Case {
  opset: number;
  op: string;
  attributes?: Record<string, AttributeValue>;
  /** After x: initializers of these shapes and values. */
  weights?: Floats[];
  x: Floats;
  /** Dimensions of x that the model states; by default those it has. */
  stated?: Dim[];
  expected: number[];
}

const x23: Floats = { dims: [2, 3], data: [1, 2, 3, 4, 5, 6] };
const softmax = (values: readonly number[]) => {
  const sum = values.reduce((total, value) => total + Math.exp(value), 0);
  return values.map((value) => Math.exp(value) / sum);
};

const cases: Record<string, Case> = {
  'Unsqueeze with axes': {
    opset: 9,
    op: 'Unsqueeze',
    attributes: { axes: [0] },
    x: x23,
    expected: x23.data as number[],
  },
  'Squeeze with axes': {
    opset: 9,
    op: 'Squeeze',
    attributes: { axes: [0] },
    x: { dims: [1, 2], data: [7, 8] },
    expected: [7, 8],
  },
  'ReduceSum with axes': {
    opset: 11,
    op: 'ReduceSum',
    attributes: { axes: [1], keepdims: 0 },
    x: x23,
    expected: [6, 15],
  },
  'Slice with attributes': {
    opset: 9,
    op: 'Slice',
    attributes: { starts: [1], ends: [3], axes: [1] },
    x: x23,
    expected: [2, 3, 5, 6],
  },
  'Pad with attributes': {
    opset: 10,
    op: 'Pad',
    attributes: { pads: [0, 1, 0, 0], value: float(9) },
    x: x23,
    expected: [9, 1, 2, 3, 9, 4, 5, 6],
  },
  'Clip with bounds': {
    opset: 10,
    op: 'Clip',
    attributes: { min: float(2), max: float(5) },
    x: x23,
    expected: [2, 2, 3, 4, 5, 5],
  },
  'Clip from above': {
    opset: 6,
    op: 'Clip',
    attributes: { max: float(2) },
    x: x23,
    expected: [1, 2, 2, 2, 2, 2],
  },
  'Split with sizes': {
    opset: 11,
    op: 'Split',
    attributes: { axis: 1, split: [3] },
    x: x23,
    expected: x23.data as number[],
  },
  'TopK with k': { opset: 9, op: 'TopK', attributes: { k: 2 }, x: x23, expected: [3, 2, 6, 5] },
  'Dropout with a ratio': {
    opset: 7,
    op: 'Dropout',
    attributes: { ratio: float(0.9) },
    x: x23,
    expected: x23.data as number[],
  },
  'Softmax over all axes from 1': {
    opset: 9,
    op: 'Softmax',
    x: { dims: [1, 2, 2], data: [1, 2, 3, 4] },
    stated: ['a', 'b', 'c'],
    expected: softmax([1, 2, 3, 4]),
  },
  'Softmax over the last axis': {
    opset: 9,
    op: 'Softmax',
    attributes: { axis: 2 },
    x: { dims: [1, 2, 2], data: [1, 2, 3, 4] },
    expected: [...softmax([1, 2]), ...softmax([3, 4])],
  },
  'Upsample with scales': {
    opset: 7,
    op: 'Upsample',
    attributes: { scales: float([1, 1, 1, 2]) },
    x: { dims: [1, 1, 1, 2], data: [3, 4] },
    expected: [3, 3, 4, 4],
  },
  'Resize of set 10': {
    opset: 10,
    op: 'Resize',
    weights: [{ dims: [4], data: [1, 1, 1, 1.5] }],
    x: { dims: [1, 1, 1, 2], data: [3, 4] },
    expected: [3, 3, 4],
  },
  'Add along a named axis': {
    opset: 6,
    op: 'Add',
    attributes: { broadcast: 1, axis: 1 },
    weights: [{ dims: [2], data: [10, 20] }],
    x: { dims: [1, 2, 2], data: [1, 2, 3, 4] },
    expected: [11, 12, 23, 24],
  },
  'PRelu with a slope for each channel': {
    opset: 6,
    op: 'PRelu',
    weights: [{ dims: [2], data: [0.5, 2] }],
    x: { dims: [1, 2, 2], data: [-1, 1, -1, 1] },
    expected: [-0.5, 1, -2, 1],
  },
  'BatchNormalization with spatial': {
    opset: 7,
    op: 'BatchNormalization',
    attributes: { spatial: 1, epsilon: float(0) },
    weights: [
      { dims: [1], data: [2] },
      { dims: [1], data: [1] },
      { dims: [1], data: [3] },
      { dims: [1], data: [4] },
    ],
    x: { dims: [2, 1], data: [3, 5] },
    expected: [1, 3],
  },
  'Cast to a named type': {
    opset: 5,
    op: 'Cast',
    attributes: { to: 'FLOAT' },
    x: x23,
    expected: x23.data as number[],
  },
  'Reshape with a shape': {
    opset: 4,
    op: 'Reshape',
    attributes: { shape: [3, 2] },
    x: x23,
    expected: x23.data as number[],
  },
};

function build({ opset, op, attributes = {}, weights = [], x, stated }: Case) {
  const builder = new GraphBuilder();
  builder.input('x', 'float', stated ?? x.dims);
  const inputs = weights.map(({ dims, data }) =>
    builder.constant('float', dims, Float32Array.from(data), 'w'),
  );
  const [y] = builder.ops(op, ['x', ...inputs], attributes, { count: op === 'TopK' ? 2 : 1 });
  builder.output(y!, 'float');
  return { model: makeModel(builder.graph, { '': opset }), y: y! };
}

for (const [name, one] of Object.entries(cases)) {
  test(`${name} computes the same in set 17`, async (t) => {
    const { model, y } = build(one);
    const prepared = prepareModel(model).model;
    t.is(Number(prepared.opsetImport.find(({ domain }) => !domain)!.version), 17);
    const found = (await runModel(prepared, { x: one.x }))[y]!;
    t.is(found.length, one.expected.length);
    found.forEach((value, index) => {
      t.true(Math.abs(value - one.expected[index]!) < 1e-5, `${found} is not ${one.expected}`);
    });
  });
}

test('old forms without an equal are refused by name', (t) => {
  const one: Omit<Case, 'opset' | 'op'> = { x: x23, expected: [] };
  const batchNorm = build({ ...one, opset: 7, op: 'BatchNormalization', attributes: { spatial: 0 } }).model;
  t.throws(() => prepareModel(batchNorm), {
    message: /BatchNormalization "BatchNormalization".*spatial = 0/,
  });
  t.throws(() => prepareModel(build({ ...one, opset: 5, op: 'Tile' }).model), { message: /Tile "Tile"/ });
});

test('a model of set 17 or newer stays as it is', (t) => {
  for (const opset of [17, 21]) {
    const { model } = build({ opset, op: 'Relu', x: x23, expected: [] });
    const prepared = prepareModel(model).model;
    t.deepEqual(prepared.graph.node, model.graph.node);
    t.deepEqual(prepared.opsetImport, model.opsetImport);
  }
});
