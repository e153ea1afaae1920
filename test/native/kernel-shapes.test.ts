import test from 'ava';
import { addon } from '../../src/addon/addon.js';
import { encodeProgram } from '../../src/lowering/fusion/emit.js';
import { ProgramWriter } from '../../src/lowering/fusion/program.js';
import { type AttributeValue, float } from '../../src/onnx/attributes.js';
import { GraphBuilder, makeModel } from '../../src/onnx/builder.js';
import { flatminDomain } from '../../src/onnx/domains.js';
import { encodeModel } from '../../src/onnx/proto.js';
import { DataType, elementBytes } from '../../src/onnx/tensors/tensor.js';
import { open } from './models.js';

type Shapes = Readonly<Record<string, readonly number[]>>;

/** A node of one of the kernels, and shapes that fit one another. */
interface Case {
  readonly op: string;
  readonly inputs: Shapes;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly outputs: number;
  /** The inputs that hold integers; the others hold numbers. */
  readonly integers?: readonly string[];
  /** Axes whose sizes the other inputs and the attributes leave free. */
  readonly free: Readonly<Record<string, readonly number[]>>;
}

const plain = { strides: [1, 1], dilations: [1, 1], pads: [1, 1, 1, 1], group: 1 };
const channels = [6];

/** Programs of activations in kernels of normalisation: z = 2·y forward, dy = 2·dz backward, with y = a·x + b. */
const doubled = (loads: number): Case['attributes'] => {
  const program = new ProgramWriter();
  const [first, ...others] = Array.from({ length: loads }, (_, index) => program.op('Load', index));
  const [a, b] = others.slice(-2);
  const value = loads === 3 ? program.op('MulAdd', first!, a!, b!) : first!;
  program.result('Store', program.op('Add', value, value), 0);
  return encodeProgram(program) as Case['attributes'];
};
const forward = doubled(3);
const backward = doubled(4);

const cases: Case[] = [
  {
    op: 'BatchNorm',
    inputs: {
      X: [2, 6, 5],
      scale: channels,
      bias: channels,
      running_mean: channels,
      running_variance: channels,
    },
    attributes: { epsilon: float(1e-5), momentum: float(0.9), relu: 1 },
    outputs: 5,
    free: { X: [0, 2] },
  },
  {
    op: 'BatchNormGrad',
    inputs: {
      dY: [2, 6, 5],
      X: [2, 6, 5],
      scale: channels,
      bias: channels,
      batch_mean: channels,
      r: channels,
      addend: [2, 6, 5],
    },
    attributes: { relu: 1 },
    outputs: 3,
    free: {},
  },
  {
    op: 'RunningNorm',
    inputs: { X: [2, 6, 5], scale: channels, bias: channels, mean: channels, variance: channels },
    attributes: { epsilon: float(1e-5), relu: 1 },
    outputs: 1,
    free: { X: [0, 2] },
  },
  {
    op: 'RunningNormGrad',
    inputs: {
      dY: [2, 6, 5],
      X: [2, 6, 5],
      scale: channels,
      bias: channels,
      mean: channels,
      variance: channels,
      addend: [2, 6, 5],
    },
    attributes: { epsilon: float(1e-5), relu: 1 },
    outputs: 3,
    free: {},
  },
  {
    op: 'Conv',
    inputs: { X: [2, 8, 5, 5], W: [4, 8, 3, 3], B: [4] },
    attributes: plain,
    outputs: 1,
    free: { X: [0, 2, 3], W: [2, 3] },
  },
  {
    op: 'ConvGradInput',
    inputs: { dY: [2, 4, 5, 5], W: [4, 8, 3, 3] },
    attributes: { ...plain, input_size: [5, 5] },
    outputs: 1,
    free: { dY: [0], W: [1] },
  },
  {
    op: 'ConvGradWeight',
    inputs: { X: [2, 8, 5, 5], dY: [2, 4, 5, 5] },
    attributes: { ...plain, kernel: [3, 3] },
    outputs: 1,
    free: { X: [1], dY: [1] },
  },
  {
    op: 'ActivatedNorm',
    inputs: {
      X: [2, 6, 5],
      scale: channels,
      bias: channels,
      running_mean: channels,
      running_variance: channels,
    },
    attributes: { epsilon: float(1e-5), momentum: float(0.9), ...forward },
    outputs: 5,
    free: { X: [0, 2] },
  },
  {
    op: 'ActivatedNormGrad',
    inputs: {
      dZ: [2, 6, 5],
      X: [2, 6, 5],
      scale: channels,
      bias: channels,
      batch_mean: channels,
      r: channels,
      addend: [2, 6, 5],
    },
    attributes: backward,
    outputs: 3,
    free: {},
  },
  {
    op: 'ActivatedRunningNorm',
    inputs: { X: [2, 6, 5], scale: channels, bias: channels, mean: channels, variance: channels },
    attributes: { epsilon: float(1e-5), ...forward },
    outputs: 1,
    free: { X: [0, 2] },
  },
  {
    op: 'ActivatedRunningNormGrad',
    inputs: {
      dZ: [2, 6, 5],
      X: [2, 6, 5],
      scale: channels,
      bias: channels,
      mean: channels,
      variance: channels,
      addend: [2, 6, 5],
    },
    attributes: { epsilon: float(1e-5), ...backward },
    outputs: 3,
    free: {},
  },
  {
    op: 'AddSlices',
    inputs: { updates: [2, 3, 4], at: [3] },
    attributes: { axis: 1, positions: 5 },
    outputs: 1,
    integers: ['at'],
    free: { updates: [0, 2] },
  },
];

/** Q and O are [2, 3, 4], K and V [2, 5, 4]; a view reaches to the last element. */
const attention = {
  batch: [2],
  sizes: [3, 5, 4, 4],
  scale: float(1),
  causal: 0,
  q_view: [0, 12, 4, 1],
  k_view: [0, 20, 4, 1],
  v_view: [0, 20, 4, 1],
  o_view: [0, 12, 4, 1],
  mask_view: [0, 0, 5, 1],
};
const attentionGrad = {
  ...attention,
  do_view: attention.o_view,
  dq_view: attention.q_view,
  dk_view: attention.k_view,
  dv_view: attention.v_view,
  dq_scale: float(1),
  dk_scale: float(1),
  places: [0, 1, 2],
  dims_0: [24],
  dims_1: [40],
  dims_2: [40],
};
const attentionCases: Case[] = [
  {
    op: 'Attention',
    inputs: { Q: [24], K: [40], V: [40], mask: [15] },
    attributes: { ...attention, o_dims: [24] },
    outputs: 2,
    free: {},
  },
  {
    op: 'AttentionGrad',
    inputs: { dO: [24], Q: [24], K: [40], V: [40], O: [24], lse: [2, 3], mask: [15] },
    attributes: attentionGrad,
    outputs: 3,
    free: {},
  },
];

const elements = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1);

/** Runs a node on zeros of the shapes. An input whose shape is not given is left out. */
async function run(
  { op, inputs: declared, attributes, outputs, integers = [] }: Case,
  shapes: Shapes = declared,
): Promise<void> {
  const builder = new GraphBuilder();
  const names = Object.keys(declared).map((name) => (shapes[name] ? name : ''));
  const typeOf = (name: string) => (integers.includes(name) ? 'int64' : 'float');
  for (const name of names)
    if (name)
      builder.input(
        name,
        typeOf(name),
        shapes[name]!.map((_, axis) => `${name}_${axis}`),
      );
  const values = builder.ops(op, names, attributes, { count: outputs, domain: flatminDomain, name: 'node' });
  for (const value of values) builder.output(value, 'float');
  const model = makeModel(builder.graph, { [flatminDomain]: 1 });
  const session = await open(encodeModel(model), { kernels: true, memoryArena: false });
  const binding = session.createBinding();
  for (const name of names)
    if (name)
      binding.bindInput(
        name,
        new addon.DeviceBuffer(elements(shapes[name]!) * elementBytes(DataType[typeOf(name)])),
        DataType[typeOf(name)],
        shapes[name]!,
      );
  for (const value of values) binding.bindOutput(value);
  try {
    await binding.run();
  } finally {
    binding.dispose();
    session.dispose();
  }
}

const said = (dims: readonly number[]) => `[${dims.join(', ')}]`;

for (const each of cases) {
  test(`${each.op} takes shapes that fit`, async (t) => {
    await t.notThrowsAsync(run(each));
  });

  for (const [name, expected] of Object.entries(each.inputs)) {
    test(`${each.op} refuses an input ${name} of another shape before it reads it`, async (t) => {
      const refuses = (found: readonly number[], message: RegExp) =>
        t.throwsAsync(run(each, { ...each.inputs, [name]: found }), { message }, said(found));
      for (const axis of expected.keys()) {
        if (each.free[name]?.includes(axis)) continue;
        for (const by of [-1, 1])
          await refuses(
            expected.map((size, at) => (at === axis ? size + by : size)),
            new RegExp(`${each.op}: input \\w+ has shape \\[.*\\], expected \\[.*\\]`),
          );
      }
      for (const found of [[], [elements(expected) + 1]])
        await refuses(found, new RegExp(`${each.op}: input \\w+ has shape \\[.*\\], expected `));
    });
  }

  test(`${each.op} refuses a required input that is left out, at the latest when it runs`, async (t) => {
    for (const name of Object.keys(each.inputs).filter((key) => key !== 'addend' && key !== 'B')) {
      const { [name]: _, ...others } = each.inputs;
      await t.throwsAsync(run(each, others), undefined, name);
    }
  });
}

test('batch normalisation of no elements reads nothing, however many rows there are', async (t) => {
  const nothing = [2 ** 40, 6, 0];
  for (const norm of [cases[0]!, cases[2]!])
    await t.notThrowsAsync(run(norm, { ...norm.inputs, X: nothing }));
  for (const grad of [cases[1]!, cases[3]!])
    await t.notThrowsAsync(run(grad, { ...grad.inputs, dY: nothing, X: nothing, addend: nothing }));
});

test('the message names op, input, the shape found and the shape expected', async (t) => {
  const [, grad] = cases;
  await t.throwsAsync(run(grad!, { ...grad!.inputs, batch_mean: [5] }), {
    message: /BatchNormGrad: input batch_mean has shape \[5\], expected \[6\]/,
  });
  await t.throwsAsync(run(grad!, { ...grad!.inputs, addend: [2, 6] }), {
    message: /BatchNormGrad: input addend has shape \[2, 6\], expected \[2, 6, 5\]/,
  });
});

test('windows whose sizes overflow are refused', async (t) => {
  const [, , , , conv, gradInput, gradWeight] = cases;
  const refuses = async (each: Case, attributes: Case['attributes']) =>
    t.throwsAsync(
      run({ ...each, attributes: { ...each.attributes, ...attributes } }),
      { message: /are not supported|has shape/ },
      JSON.stringify(attributes),
    );
  for (const size of [2 ** 31, 2 ** 53, 2 ** 62, -(2 ** 62), -1]) {
    await refuses(conv!, { strides: [size, 1] });
    await refuses(conv!, { pads: [size, size, size, size] });
    await refuses(gradInput!, { input_size: [size, 5] });
    await refuses(gradInput!, { input_size: [size, size], pads: [2, 2, 2, 2] });
    await refuses(gradWeight!, { kernel: [size, size] });
    await refuses(gradWeight!, { kernel: [size, 3], pads: [size - 1, 1, size - 1, 1] });
  }
  const half = 2 ** 30;
  await refuses(gradWeight!, {
    kernel: [half, half],
    pads: [half / 2, half / 2, half / 2 - 1, half / 2 - 1],
  });
});

for (const each of attentionCases) {
  test(`${each.op} takes shapes that fit, with a mask or without`, async (t) => {
    await t.notThrowsAsync(run(each));
    const { mask: _, ...others } = each.inputs;
    await t.notThrowsAsync(run(each, others));
  });

  test(`${each.op} refuses a tensor that ends before its view`, async (t) => {
    for (const [name, dims] of Object.entries(each.inputs)) {
      const shorter = dims.map((size, axis) => (axis === 0 ? size - 1 : size));
      await t.throwsAsync(run(each, { ...each.inputs, [name]: shorter }), {
        message: new RegExp(`${each.op}: (\\w+_view reaches beyond a tensor|input \\w+ has shape)`),
      });
    }
    for (const name of Object.keys(each.attributes).filter((key) => key.endsWith('_view'))) {
      const view = each.attributes[name] as number[];
      for (const moved of [view.map((value, at) => (at === 0 ? 1 : value)), view.map((value) => value + 1)])
        await t.throwsAsync(run({ ...each, attributes: { ...each.attributes, [name]: moved } }), {
          message: new RegExp(`${name} reaches beyond a tensor`),
        });
    }
  });

  test(`${each.op} refuses attributes that make no sense`, async (t) => {
    const wrong: Record<string, AttributeValue>[] = [
      { sizes: [3, 5, 4] },
      { sizes: [3, 0, 4, 4] },
      { sizes: [3, -5, 4, 4] },
      { sizes: [2 ** 40, 5, 4, 4] },
      { batch: [2 ** 30] },
      { q_view: [0, 12, 4] },
      { q_view: [-1, 12, 4, 1] },
      { k_view: [0, 2 ** 50, 4, 1] },
      ...(each.op === 'AttentionGrad' ? [{ places: [0, 1] }, { places: [0, 1, 3] }, { dims_1: [41] }] : []),
    ];
    for (const attributes of wrong)
      await t.throwsAsync(
        run({ ...each, attributes: { ...each.attributes, ...attributes } }),
        undefined,
        JSON.stringify(attributes),
      );
  });
}
