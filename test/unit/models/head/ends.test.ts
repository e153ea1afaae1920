import test from 'ava';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { type ReplaceHeadOptions, replaceHead } from '../../../../src/models/head/replace-head.js';
import { GraphBuilder, makeModel } from '../../../../src/onnx/builder.js';
import { encodeModel, int64, type ModelProto } from '../../../../src/onnx/proto.js';
import { encodeFloats } from '../../../../src/onnx/tensors/floats.js';
import {
  DataType,
  type DataTypeName,
  elementCount,
  makeTensor,
} from '../../../../src/onnx/tensors/tensor.js';

const [BATCH, FEATURES, BEFORE, AFTER] = [3, 4, 5, 7];

/** What stands between the layer and the output: from a value batch × 5 (or × 5 × 2 × 2) to the output's. */
type Tail = (builder: GraphBuilder, scores: string) => string;
const weight = (builder: GraphBuilder, name: string, dims: readonly number[], type: DataTypeName = 'float') =>
  builder.initializer(
    makeTensor(
      name,
      type,
      dims,
      encodeFloats(
        DataType[type],
        Array.from({ length: elementCount(dims) }, (_, i) => Math.sin(i + 1)),
      ),
    ),
  );

function model(
  layer: (builder: GraphBuilder) => string,
  tail: Tail = (_, scores) => scores,
  {
    dims = [BEFORE],
    input = [FEATURES],
    type = 'float',
  }: { dims?: readonly number[]; input?: readonly number[]; type?: DataTypeName } = {},
): ModelProto {
  const builder = new GraphBuilder();
  builder.input('x', type, ['n', ...input]);
  builder.output(tail(builder, layer(builder)), type, ['n', ...dims]);
  return makeModel(builder.graph);
}

const gemm = (builder: GraphBuilder) =>
  builder.op(
    'Gemm',
    ['x', weight(builder, 'fc.weight', [BEFORE, FEATURES]), weight(builder, 'fc.bias', [BEFORE])],
    { transB: 1 },
    { name: 'fc' },
  );
const matMul = (builder: GraphBuilder) =>
  builder.op('MatMul', ['x', weight(builder, 'fc.weight', [FEATURES, BEFORE])], {}, { name: 'fc' });
const added = (builder: GraphBuilder) =>
  builder.op('Add', [weight(builder, 'fc.bias', [BEFORE]), matMul(builder)]);
const conv = (builder: GraphBuilder) =>
  builder.op(
    'Conv',
    ['x', weight(builder, 'fc.weight', [BEFORE, FEATURES, 1, 1]), weight(builder, 'fc.bias', [BEFORE])],
    {},
    { name: 'fc' },
  );
const images = { input: [FEATURES, 2, 2] };
const convTranspose =
  (kernel: number, stride: number, group = 1) =>
  (builder: GraphBuilder) =>
    builder.op(
      'ConvTranspose',
      [
        'x',
        weight(builder, 'fc.weight', [FEATURES, BEFORE / group, kernel, kernel]),
        weight(builder, 'fc.bias', [BEFORE]),
      ],
      { strides: [stride, stride], group },
      { name: 'fc' },
    );

/** Shape of what plain onnxruntime-node makes of a model. */
async function run(made: ModelProto, input: readonly number[]) {
  const session = await InferenceSession.create(encodeModel(made));
  const dims = [BATCH, ...input];
  const data = Float32Array.from({ length: elementCount(dims) }, (_, i) => Math.cos(i));
  const outputs = await session.run({ x: new OrtTensor('float32', data, dims) });
  return session.outputNames.map((name) => outputs[name]!);
}

const shapeBy =
  (...sizes: number[]): Tail =>
  (builder, scores) =>
    builder.op('Reshape', [scores, builder.ints(sizes)]);
const unary =
  (...ops: string[]): Tail =>
  (builder, scores) =>
    ops.reduce((value, op) => builder.op(op, [value]), scores);
const pooled: Tail = (builder, scores) => builder.op('GlobalAveragePool', [builder.op('Relu', [scores])]);

/** x.view(x.size(0), 5) of an older exporter. */
const viewed: Tail = (builder, scores) => {
  const size = builder.op('Gather', [
    builder.op('Shape', [scores]),
    builder.constant('int64', [], BigInt64Array.of(0n)),
  ]);
  const sizes = [builder.op('Unsqueeze', [size, builder.ints([0])]), builder.ints([BEFORE])];
  return builder.op('Reshape', [scores, builder.op('Concat', sizes, { axis: 0 })]);
};

const softmaxWrittenOut: Tail = (builder, scores) => {
  const largest = builder.op('ReduceMax', [scores], { axes: [-1], keepdims: 1 });
  const exponential = builder.op('Exp', [builder.op('Sub', [scores, largest])]);
  const sum = builder.op('ReduceSum', [exponential, builder.ints([-1])], { keepdims: 1 });
  return builder.op('Div', [exponential, sum]);
};

const ENDS: Record<string, { made: ModelProto; input?: readonly number[]; dims?: readonly number[] }> = {
  'a Gemm': { made: model(gemm) },
  'a Gemm that is not transposed, without bias': {
    made: model((b) => b.op('Gemm', ['x', weight(b, 'fc.weight', [FEATURES, BEFORE])], {}, { name: 'fc' })),
  },
  'a Gemm with one bias for all': {
    made: model((b) =>
      b.op(
        'Gemm',
        ['x', weight(b, 'fc.weight', [FEATURES, BEFORE]), weight(b, 'fc.bias', [1])],
        {},
        { name: 'fc' },
      ),
    ),
  },
  'a MatMul': { made: model(matMul) },
  'a MatMul and an Add': { made: model(added) },
  'a MatMul by a transposed weight': {
    made: model((b) =>
      b.op(
        'MatMul',
        ['x', b.op('Transpose', [weight(b, 'fc.weight', [BEFORE, FEATURES])], { perm: [1, 0] })],
        {},
        { name: 'fc' },
      ),
    ),
  },
  'a softmax': { made: model(gemm, unary('Softmax')) },
  'a softmax written out': { made: model(added, softmaxWrittenOut) },
  'a sigmoid, Identity and Clip': {
    made: model(gemm, (b, s) =>
      b.op('Clip', [unary('Identity', 'Sigmoid')(b, s), b.scalar(0.01), b.scalar(0.99)]),
    ),
  },
  'a temperature': { made: model(added, (b, s) => b.op('Div', [s, b.scalar(2)])) },
  casts: {
    made: model(gemm, (b, s) =>
      b.op('Cast', [b.op('Cast', [s], { to: DataType.double })], { to: DataType.float }),
    ),
  },
  'a Reshape that states the classes': { made: model(gemm, shapeBy(-1, BEFORE)) },
  'a Reshape that copies them': { made: model(gemm, shapeBy(-1, 0)) },
  'a Reshape that leaves them over': {
    made: model(gemm, shapeBy(0, -1, 1), { dims: [BEFORE, 1] }),
    dims: [AFTER, 1],
  },
  'a view by its shape': { made: model(gemm, viewed) },
  'Unsqueeze and Squeeze': {
    made: model(gemm, (b, s) => {
      const wide = b.op('Unsqueeze', [s, b.ints([1, 3])]);
      return b.op('Squeeze', [wide, b.ints([1, 3])]);
    }),
  },
  'a bias behind a Transpose': {
    made: model(
      (b) => b.op('Conv', ['x', weight(b, 'fc.weight', [BEFORE, FEATURES, 1, 1])], {}, { name: 'fc' }),
      (b, s) => b.op('Add', [b.op('Transpose', [s], { perm: [0, 2, 3, 1] }), weight(b, 'fc.bias', [BEFORE])]),
      { ...images, dims: [2, 2, BEFORE] },
    ),
    input: images.input,
    dims: [2, 2, AFTER],
  },
  "SqueezeNet's": {
    made: model(conv, (b, s) => b.op('Softmax', [b.op('Flatten', [pooled(b, s)])]), images),
    input: images.input,
  },
  'pooling and Squeeze': {
    made: model(conv, (b, s) => b.op('Squeeze', [pooled(b, s), b.ints([2, 3])]), images),
    input: images.input,
  },
  'pooling and a Reshape': {
    made: model(conv, (b, s) => shapeBy(-1, BEFORE)(b, pooled(b, s)), images),
    input: images.input,
  },
  'a mean over positions': {
    made: model(conv, (b, s) => b.op('ReduceMean', [s], { axes: [2, 3], keepdims: 0 }), images),
    input: images.input,
  },
  'scores of positions, enlarged': {
    made: model(
      conv,
      (b, s) =>
        b.op('Resize', [s, '', b.constant('float', [4], Float32Array.of(1, 1, 2, 2))], { mode: 'nearest' }),
      { ...images, dims: [BEFORE, 4, 4] },
    ),
    input: images.input,
    dims: [AFTER, 4, 4],
  },
  'scores of positions, enlarged to sizes': {
    made: model(
      conv,
      (b, s) => b.op('Resize', [s, '', '', b.ints([BATCH, BEFORE, 4, 4])], { mode: 'nearest' }),
      { ...images, dims: [BEFORE, 4, 4] },
    ),
    input: images.input,
    dims: [AFTER, 4, 4],
  },
  'scores of positions, enlarged to sizes by their shape': {
    made: model(
      conv,
      (b, s) => {
        const outer = b.op('Slice', [b.op('Shape', [s]), b.ints([0]), b.ints([2]), b.ints([0])]);
        const sizes = b.op('Concat', [outer, b.ints([4, 4])], { axis: 0 });
        return b.op('Resize', [s, '', '', sizes], { mode: 'nearest' });
      },
      { ...images, dims: [BEFORE, 4, 4] },
    ),
    input: images.input,
    dims: [AFTER, 4, 4],
  },
  'nothing: a ConvTranspose': {
    made: model(convTranspose(2, 2), undefined, { ...images, dims: [BEFORE, 4, 4] }),
    input: images.input,
    dims: [AFTER, 4, 4],
  },
  'a softmax over the channels of a ConvTranspose': {
    made: model(convTranspose(3, 1), (b, s) => b.op('Softmax', [s], { axis: 1 }), {
      ...images,
      dims: [BEFORE, 4, 4],
    }),
    input: images.input,
    dims: [AFTER, 4, 4],
  },
  'scores of positions, flattened': {
    made: model(conv, (b, s) => b.op('Flatten', [s]), { ...images, dims: [BEFORE * 4] }),
    input: images.input,
    dims: [AFTER * 4],
  },
};

for (const [name, { made, input = [FEATURES], dims = [AFTER] }] of Object.entries(ENDS)) {
  test(`the layer before ${name}`, async (t) => {
    const {
      model: replaced,
      parameters,
      classesBefore,
      note,
    } = replaceHead(made, { classes: AFTER, seed: 1 });
    t.is(classesBefore, BEFORE);
    const hasBias = made.graph.initializer.some((tensor) => tensor.name === 'fc.bias');
    t.deepEqual(parameters, hasBias ? ['fc.weight', 'fc.bias'] : ['fc.weight']);
    t.regex(
      note,
      /^The last layer, (Gemm|MatMul|Conv|ConvTranspose) "fc", which makes ".*", is a new one: 7 classes instead of 5/,
    );
    const [output] = await run(replaced, input);
    t.deepEqual(output!.dims, [BATCH, ...dims]);
    const stated = replaced.graph.output[0]!.type!.tensorType!.shape!.dim!;
    t.deepEqual(
      stated.slice(1).map(({ dimValue }) => int64(dimValue)),
      [...dims],
    );
    // The given model is as it was.
    const [before] = await run(made, input);
    t.is(before!.dims.length, output!.dims.length);
    t.notDeepEqual(before!.dims, output!.dims);
  });
}

test('of as many classes, only the weights are new', async (t) => {
  const made = ENDS['a softmax']!.made;
  const { model: replaced } = replaceHead(made, { classes: BEFORE });
  t.deepEqual(
    replaced.graph.node.map(({ input, output, opType }) => [opType, input, output]),
    made.graph.node.map(({ input, output, opType }) => [opType, input, output]),
  );
  t.notDeepEqual(replaced.graph.initializer, made.graph.initializer);
});

test('all outputs that the layer makes change, and the label tells of the new classes', async (t) => {
  const made = model(gemm, unary('Softmax'));
  const builder = new GraphBuilder(made.graph);
  builder.output(builder.op('ArgMax', [made.graph.output[0]!.name], { axis: 1, keepdims: 0 }), 'int64', [
    'n',
  ]);
  const { model: replaced } = replaceHead(made, { classes: 100 });
  const [probabilities, labels] = await run(replaced, [FEATURES]);
  t.deepEqual(probabilities!.dims, [BATCH, 100]);
  t.deepEqual(labels!.dims, [BATCH]);
});

test('float16, bfloat16 and double layers get weights of their type', (t) => {
  for (const type of ['float16', 'bfloat16', 'double'] as const) {
    const made = model(
      (b) => b.op('Gemm', ['x', weight(b, 'w', [FEATURES, BEFORE], type), weight(b, 'b', [BEFORE], type)]),
      undefined,
      { type },
    );
    const { graph } = replaceHead(made, { classes: AFTER }).model;
    t.deepEqual(
      graph.initializer.map(({ name, dataType, dims, rawData }) => [name, dataType, dims, rawData!.length]),
      [
        ['w', DataType[type], [FEATURES, AFTER], FEATURES * AFTER * (type === 'double' ? 8 : 2)],
        ['b', DataType[type], [AFTER], AFTER * (type === 'double' ? 8 : 2)],
      ],
    );
  }
});

test('a bias and a shape that others read too are left to them', async (t) => {
  const made = model((b) => {
    const bias = weight(b, 'zeros', [BEFORE]);
    const square = weight(b, 'inner.weight', [FEATURES, BEFORE]);
    const inner = b.op('Reshape', [b.op('Gemm', ['x', square, bias]), b.ints([-1, BEFORE])]);
    const last = b.op('Gemm', [inner, weight(b, 'fc.weight', [BEFORE, BEFORE]), bias]);
    return b.op('Reshape', [last, b.ints([-1, BEFORE])]);
  });
  const { model: replaced, parameters } = replaceHead(made, { classes: AFTER });
  t.deepEqual(parameters, ['fc.weight', 'zeros_1']);
  t.deepEqual((await run(replaced, [FEATURES]))[0]!.dims, [BATCH, AFTER]);
});

test('weights in Constant nodes, and in inputs of files before version 4, are replaced', async (t) => {
  const constant = model((b) => {
    const tensor = makeTensor('', 'float', [FEATURES, BEFORE], new Float32Array(FEATURES * BEFORE));
    return b.op('MatMul', ['x', b.op('Constant', [], { value: { tensor } }, { outputs: ['fc.weight'] })]);
  });
  const replaced = replaceHead(constant, { classes: AFTER });
  t.deepEqual(replaced.parameters, ['fc.weight']);
  t.deepEqual((await run(replaced.model, [FEATURES]))[0]!.dims, [BATCH, AFTER]);

  const old = { ...model(gemm), irVersion: 3 };
  for (const { name, dims } of old.graph.initializer)
    new GraphBuilder(old.graph).input(name!, 'float', dims!.map(Number));
  const { graph } = replaceHead(old, { classes: AFTER }).model;
  t.deepEqual(
    graph.input.map(({ type }) => type!.tensorType!.shape!.dim!.map(({ dimValue }) => Number(dimValue ?? 0))),
    [[0, FEATURES], [AFTER, FEATURES], [AFTER]],
  );
});

test('values inside are stated anew, and what the file calls its classes is left out', (t) => {
  const made = model(gemm, unary('Softmax'));
  const scores = made.graph.node[0]!.output[0]!;
  const info = { ...made.graph.output[0]!, name: scores };
  made.graph.valueInfo.push(info);
  made.metadataProps.push({ key: 'names', value: "{0: 'cat'}" }, { key: 'author', value: 'somebody' });
  const { model: replaced, note } = replaceHead(made, { classes: AFTER });
  t.is(Number(replaced.graph.valueInfo[0]!.type!.tensorType!.shape!.dim![1]!.dimValue), AFTER);
  t.deepEqual(replaced.metadataProps, [{ key: 'author', value: 'somebody' }]);
  t.regex(note, /the file's "names" is left out/);
});

test('the new weights are those of the seed, within 1/√fan-in', (t) => {
  const values = (seed: number) =>
    replaceHead(ENDS["SqueezeNet's"]!.made, { classes: 1000, seed }).model.graph.initializer.map(
      ({ rawData }) => new Float32Array(rawData!.slice().buffer),
    );
  const [first, again, other] = [values(3), values(3), values(4)];
  t.deepEqual(first, again);
  t.notDeepEqual(first, other);
  for (const tensor of first) {
    const largest = tensor.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    t.true(largest <= 1 / Math.sqrt(FEATURES) && largest > 0.98 / Math.sqrt(FEATURES));
    // U(−a, a) has the deviation a/√3.
    const deviation = Math.sqrt(tensor.reduce((sum, value) => sum + value * value, 0) / tensor.length);
    t.true(Math.abs(deviation * Math.sqrt(3 * FEATURES) - 1) < 0.05, String(deviation));
  }
});

test('of a ConvTranspose, a score has the terms of the positions that lie on one another', (t) => {
  const largest = (kernel: number, stride: number) => {
    const made = model(convTranspose(kernel, stride), undefined, images);
    const { model: replaced } = replaceHead(made, { classes: 1000 });
    const { rawData } = replaced.graph.initializer.find(({ name }) => name === 'fc.weight')!;
    return new Float32Array(rawData!.slice().buffer).reduce((most, value) => Math.max(most, value), 0);
  };
  for (const [kernel, stride, positions] of [
    [2, 2, 1],
    [4, 2, 4],
    [3, 2, 4],
    [3, 1, 9],
    [1, 2, 1],
  ] as const) {
    const expected = 1 / Math.sqrt(FEATURES * positions);
    const found = largest(kernel, stride);
    t.true(found <= expected && found > 0.98 * expected, `${kernel} by ${stride}: ${found}, not ${expected}`);
  }
});

const REFUSED: Record<string, [ModelProto, RegExp, Partial<ReplaceHeadOptions>?]> = {
  'a tied weight': [
    model((b) => {
      const table = weight(b, 'table', [FEATURES, BEFORE]);
      const inner = b.op('MatMul', ['x', table]);
      return b.op(
        'MatMul',
        [b.op('MatMul', [inner, b.op('Transpose', [table])]), table],
        {},
        { name: 'last' },
      );
    }),
    /the weight "table" of MatMul "last" is tied: it is read by MatMul ".*", Transpose ".*" too/,
  ],
  'several layers': [
    model((b) =>
      b.op('Add', [
        b.op('MatMul', ['x', weight(b, 'a', [FEATURES, BEFORE])], {}, { name: 'one' }),
        b.op('MatMul', ['x', weight(b, 'b', [FEATURES, BEFORE])], {}, { name: 'two' }),
      ]),
    ),
    /made by several layers, MatMul "(one|two)", MatMul "(one|two)"/,
  ],
  'scales of each class': [
    model(gemm, (b, s) => b.op('Mul', [s, weight(b, 'scale', [BEFORE])])),
    /Mul ".*" has a value of its own for each class \("scale", 5\)/,
  ],
  'a second bias': [
    model(gemm, (b, s) => b.op('Add', [s, weight(b, 'prior', [BEFORE])])),
    /has a value of its own for each class \("prior", 5\)/,
  ],
  'BatchNormalization behind it': [
    model(gemm, (b, s) =>
      b.op('BatchNormalization', [s, ...['s', 'b', 'm', 'v'].map((name) => weight(b, name, [BEFORE]))]),
    ),
    /BatchNormalization ".*" stands between it and the output/,
  ],
  'no layer': [model((b) => b.op('Relu', ['x'])), /the input "x" reaches the output ".*" past any/],
  'two inputs multiplied': [
    model((b) => b.op('MatMul', ['x', b.op('Transpose', ['x'])])),
    /has no weight of its own: it multiplies by the input "x"/,
  ],
  'a quantised weight': [
    model((b) => {
      const stored = b.initializer(
        makeTensor('q', 'int8', [FEATURES, BEFORE], new Int8Array(FEATURES * BEFORE)),
      );
      return b.op('MatMul', ['x', b.op('DequantizeLinear', [stored, b.scalar(0.1)], {}, { name: 'dq' })]);
    }),
    /the model is quantised there \(DequantizeLinear "dq"\)/,
  ],
  'a quantised output': [
    model(gemm, (b, s) => {
      const zero = b.constant('uint8', [], Uint8Array.of(0));
      const stored = b.op('QuantizeLinear', [s, b.scalar(0.1), zero]);
      return b.op('DequantizeLinear', [stored, b.scalar(0.1), zero], {}, { name: 'dq' });
    }),
    /the model is quantised there \(DequantizeLinear "dq"\)/,
  ],
  'an output beside it that knows the classes': [
    (() => {
      const made = model(gemm, unary('Softmax'));
      const builder = new GraphBuilder(made.graph);
      const first = builder.op(
        'Slice',
        [made.graph.output[0]!.name, builder.ints([0]), builder.ints([2]), builder.ints([1])],
        {},
        { name: 'first' },
      );
      builder.output(first, 'float', ['n', 2]);
      return made;
    })(),
    /Slice "first" takes some of the scores, or puts them together/,
  ],
  'names that are looked up': [
    (() => {
      const made = model(gemm);
      const builder = new GraphBuilder(made.graph);
      const label = builder.op('ArgMax', [made.graph.output[0]!.name], { axis: 1, keepdims: 0 });
      builder.output(builder.op('Gather', [builder.ints([3, 1, 4, 1, 5]), label]), 'int64', ['n']);
      return made;
    })(),
    /Gather ".*" looks up what a class is called/,
  ],
  'a convolution in groups': [
    model(
      (b) => b.op('Conv', ['x', weight(b, 'w', [BEFORE * 4, 1, 1, 1])], { group: 4 }),
      (b, s) => b.op('Flatten', [pooled(b, s)]),
      images,
    ),
    /is a convolution in 4 groups/,
  ],
  'a ConvTranspose in groups': [
    model(convTranspose(1, 1, 5), undefined, { ...images, dims: [BEFORE, 2, 2] }),
    /ConvTranspose "fc" is a convolution in 5 groups/,
  ],
  'a quantised bias': [
    model((b) => {
      const stored = b.initializer(makeTensor('q', 'int32', [BEFORE], new Int32Array(BEFORE)));
      const bias = b.op('DequantizeLinear', [stored, b.scalar(0.1)], {}, { name: 'dq' });
      const kernel = weight(b, 'fc.weight', [FEATURES, BEFORE, 1, 1]);
      return b.op('ConvTranspose', ['x', kernel, bias], {}, { name: 'fc' });
    }),
    /the model is quantised there \(DequantizeLinear "dq"\); replace the layer of the floating-point model/,
  ],
  'a Reshape that mixes classes and positions': [
    model(conv, shapeBy(BATCH, 4, BEFORE), { ...images, dims: [4, BEFORE] }),
    /Reshape ".*" does not keep the classes together/,
  ],
  'a shape that another node reads too': [
    (() => {
      const made = model(gemm, viewed);
      const builder = new GraphBuilder(made.graph);
      const shape = made.graph.node.find(({ opType }) => opType === 'Concat')!.output[0]!;
      builder.output(builder.op('Expand', [builder.scalar(1), shape]), 'float', ['n', BEFORE]);
      return made;
    })(),
    /Expand ".*" stands between it and the output|does not tell which of its axes/,
  ],
  'an unclear Reshape': [model(gemm, shapeBy(-1)), /Reshape ".*" to -1 does not tell which of its axes/],
  'an output that is not there': [model(gemm), /the model has no value "logit"/, { output: 'logit' }],
};

for (const [name, [made, message, options]] of Object.entries(REFUSED)) {
  test(`refused: ${name}`, (t) => {
    t.throws(() => replaceHead(made, { classes: AFTER, ...options }), { code: 'INVALID_MODEL', message });
  });
}

test('options out of range are refused', (t) => {
  for (const classes of [0, 2.5, -1])
    t.throws(() => replaceHead(model(gemm), { classes }), { code: 'INVALID_ARGUMENT', message: /classes/ });
});
