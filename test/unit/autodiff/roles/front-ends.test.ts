import test from 'ava';
import { prepareModel } from '../../../../src/autodiff/prepare/prepare.js';
import type { TensorRole } from '../../../../src/autodiff/roles/judge/verdict.js';
import { GraphBuilder, makeModel } from '../../../../src/onnx/builder.js';
import { makeTensor } from '../../../../src/onnx/tensors/tensor.js';
import { RandomStream } from '../../../gradcheck/random.js';

const stream = new RandomStream('front-ends');
const random = () => stream.uniform(-1, 1);

const [BINS, LENGTH, FRAMES] = [6, 64, 5];

/** Windowed functions of frequencies in equal ratios, as long as periods of them, in the middle of the axis. */
function constantQ(part: (angle: number) => number): (bin: number, t: number) => number {
  return (bin, t) => {
    const frequency = 0.3 * 2 ** (bin / BINS);
    const length = 12 / frequency;
    const at = t - LENGTH / 2;
    if (Math.abs(at) >= length / 2) return 0;
    return (0.5 + 0.5 * Math.cos((2 * Math.PI * at) / length)) * part(frequency * at);
  };
}
const [real, imaginary] = [constantQ(Math.cos), constantQ(Math.sin)];

const kernels = (of: (bin: number, t: number) => number) =>
  Float32Array.from({ length: BINS * LENGTH }, (_, index) => of(Math.floor(index / LENGTH), index % LENGTH));
const columns = (of: (bin: number, t: number) => number) =>
  Float32Array.from({ length: BINS * LENGTH }, (_, index) => of(index % BINS, Math.floor(index / BINS)));

class Graph {
  readonly builder = new GraphBuilder();

  tensor(name: string, dims: number[], values?: ArrayLike<number>): string {
    const length = dims.reduce((a, b) => a * b, 1);
    const data = values ? Float32Array.from(values) : Float32Array.from({ length }, random);
    return this.builder.initializer(makeTensor(name, 'float', dims, data));
  }

  input(dims: number[]): string {
    return this.builder.input('x', 'float', dims);
  }

  roles(output: string, dims: number[]): ReadonlyMap<string, TensorRole> {
    this.builder.output(output, 'float', dims);
    return prepareModel(makeModel(this.builder.graph)).roles;
  }
}

const kindOf = (roles: ReadonlyMap<string, TensorRole>, name: string) => {
  const role = roles.get(name);
  return role && `${role.kind}${role.unsure ? '?' : ''}`;
};

/** A transform by two convolutions with zero biases, its scale, its magnitude in decibels, batch normalisation folded, a layer. */
function transform(of: (part: 'real' | 'imaginary') => ArrayLike<number> | undefined) {
  const graph = new Graph();
  const { builder } = graph;
  const x = graph.input([1, 1, LENGTH * FRAMES]);
  const half = builder.op('Conv', [
    x,
    graph.tensor(
      '31',
      [1, 1, 9],
      [1, 2, 4, 7, 8, 7, 4, 2, 1].map((value) => value / 36),
    ),
    graph.tensor('32', [1], [0]),
  ]);
  const parts = (['real', 'imaginary'] as const).map((part, index) =>
    builder.op('Mul', [
      builder.op(
        'Conv',
        [
          half,
          graph.tensor(`${10 + index}`, [BINS, 1, LENGTH], of(part)),
          graph.tensor(`${20 + index}`, [BINS], Array(BINS).fill(0)),
        ],
        { strides: [LENGTH] },
      ),
      graph.tensor(`${40 + index}`, [BINS, 1]),
    ]),
  );
  const squares = parts.map((part) => builder.op('Mul', [part, part]));
  const power = builder.op('Sqrt', [builder.op('Add', squares)]);
  const decibels = builder.op('Log', [builder.op('Add', [power, graph.tensor('50', [], [1e-6])])]);
  const centred = builder.op('Div', [
    builder.op('Sub', [decibels, graph.tensor('51', [BINS, 1])]),
    graph.tensor('52', [BINS, 1]),
  ]);
  const scaled = builder.op('Add', [
    builder.op('Mul', [centred, graph.tensor('53', [1], [2.4811])]),
    graph.tensor('54', [1], [-0.8769]),
  ]);
  const layer = builder.op('Conv', [
    scaled,
    graph.tensor('60', [2, BINS, 1]),
    graph.tensor('61', [2], [0, 0]),
  ]);
  return graph.roles(layer, [1, 2, 4]);
}

test('bases of windows of several lengths, in two tensors, are no weights, nor what goes with them', (t) => {
  const roles = transform((part) => kernels(part === 'real' ? real : imaginary));
  const fixed = ['10', '11', '20', '21', '31', '32', '40', '41', '50'];
  for (const name of fixed) t.is(kindOf(roles, name), 'constant', name);
  for (const name of ['51', '52']) t.is(kindOf(roles, name), 'constant?', name);
  for (const name of ['53', '54']) t.is(kindOf(roles, name), 'parameter?', name);
  for (const name of ['60', '61']) t.is(kindOf(roles, name), 'parameter', name);
});

test('learned kernels in the places of a basis are weights, with what goes with them', (t) => {
  const roles = transform(() => undefined);
  for (const name of ['10', '11', '20', '21', '40', '41', '51', '52', '53', '54', '60', '61'])
    t.regex(kindOf(roles, name)!, /^parameter/, name);
});

test('a basis that was trained since is weights', (t) => {
  const roles = transform((part) =>
    kernels(part === 'real' ? real : imaginary).map((value) => value + 0.02 * random()),
  );
  for (const name of ['10', '11']) t.is(kindOf(roles, name), 'parameter', name);
});

for (const [layout, weights] of Object.entries({
  'two products': [columns(real), columns(imaginary)],
  'one product, one part after the other': [
    Float32Array.from({ length: 2 * BINS * LENGTH }, (_, index) => {
      const [t, bin] = [Math.floor(index / (2 * BINS)), index % (2 * BINS)];
      return bin < BINS ? real(bin, t) : imaginary(bin - BINS, t);
    }),
  ],
  'one product, the parts in turn': [
    Float32Array.from({ length: 2 * BINS * LENGTH }, (_, index) => {
      const [t, bin] = [Math.floor(index / (2 * BINS)), index % (2 * BINS)];
      return (bin % 2 === 0 ? real : imaginary)(Math.floor(bin / 2), t);
    }),
  ],
}))
  test(`a basis as matrices: ${layout}`, (t) => {
    const graph = new Graph();
    const frames = graph.builder.op('Transpose', [graph.input([1, LENGTH, FRAMES])], { perm: [0, 2, 1] });
    const parts = weights.map((values, index) =>
      graph.builder.op('MatMul', [
        frames,
        graph.tensor(`${index}`, [LENGTH, values.length / LENGTH], values),
      ]),
    );
    const roles = graph.roles(graph.builder.op('Concat', parts, { axis: 2 }), [1, FRAMES, 2 * BINS]);
    weights.forEach((_, index) => {
      t.is(kindOf(roles, `${index}`), 'constant');
    });
  });

test('query and key of one value, of equal shapes, are weights', (t) => {
  const graph = new Graph();
  const x = graph.input([1, FRAMES, LENGTH]);
  const [query, key] = ['q', 'k'].map((name) =>
    graph.builder.op('MatMul', [x, graph.tensor(name, [LENGTH, LENGTH])]),
  );
  const roles = graph.roles(graph.builder.op('Add', [query!, key!]), [1, FRAMES, LENGTH]);
  for (const name of ['q', 'k']) t.is(kindOf(roles, name), 'parameter', name);
});

const gaussian = [0.0366, 0.1113, 0.2167, 0.2707, 0.2167, 0.1113, 0.0366];
for (const { what, name, values, kind } of [
  { what: 'that equals its mirror image', name: 'smooth.filter_', values: gaussian, kind: 'constant' },
  { what: 'called weight', name: 'smooth.weight', values: gaussian, kind: 'constant?' },
  { what: 'that is its own opposite', name: '7', values: [1, 4, 5, 0, -5, -4, -1], kind: 'constant' },
  { what: 'that was learned', name: '7', values: [0.0367, ...gaussian.slice(1)], kind: 'parameter' },
  { what: 'of one element', name: '7', values: [0, 0, 0, 0.3, 0, 0, 0], kind: 'parameter' },
])
  test(`a filter ${what}`, (t) => {
    const graph = new Graph();
    const y = graph.builder.op('Conv', [graph.input([1, 1, 32]), graph.tensor(name, [1, 1, 7], values)]);
    t.is(kindOf(graph.roles(y, [1, 1, 26]), name), kind);
  });

test("numbers that PaddlePaddle's converter adds are none of the module's", (t) => {
  const graph = new Graph();
  const { builder } = graph;
  const x = builder.op('Conv', [graph.input([1, 1, 8]), graph.tensor('conv2d_0.w_0', [4, 1, 3])]);
  const scaled = builder.op('Mul', [x, graph.tensor('block_0.w_0', [1], [1.0313])]);
  const above = builder.op('Add', [scaled, graph.tensor('p2o.helper.constant.1', [1], [3])]);
  const y = builder.op('Div', [above, graph.tensor('p2o.helper.constant.0', [], [6])]);
  const roles = graph.roles(y, [1, 4, 6]);
  for (const name of ['p2o.helper.constant.0', 'p2o.helper.constant.1'])
    t.is(kindOf(roles, name), 'constant', name);
  t.is(kindOf(roles, 'block_0.w_0'), 'parameter');
});
