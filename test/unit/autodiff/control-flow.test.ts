import test from 'ava';
import { prepareModel } from '../../../src/autodiff/prepare/prepare.js';
import { fixShapes } from '../../../src/autodiff/prepare/shapes.js';
import { resolveControlFlow } from '../../../src/compile/trainable-graph.js';
import { outputLoss } from '../../../src/losses/custom.js';
import { type Dim, emptyGraph, GraphBuilder, makeModel, valueInfo } from '../../../src/onnx/builder.js';
import { int64Data, makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { openRuntime } from '../../../src/ort/library.js';
import { gradients } from '../../../src/session/gradients.js';
import { runModel } from './run-model.js';

const runtime = openRuntime();
const x = { dims: [2], data: [1, 2] };

/** A model of x (two numbers) and w = (3, 4), with one control-flow node over them. */
function model(dims: Dim[], build: (builder: GraphBuilder) => string) {
  const builder = new GraphBuilder();
  builder.input('x', 'float', dims);
  builder.initializer(makeTensor('w', 'float', [2], Float32Array.of(3, 4)));
  builder.output(build(builder), 'float', dims);
  return makeModel(builder.graph);
}

/** A branch that applies an op to x and w of the outer graph. */
function branch(op: string) {
  const body = new GraphBuilder(emptyGraph(op));
  body.reserve(['x', 'w']);
  body.output(body.op(op, ['x', 'w'], {}, { outputs: [`${op}_result`] }), 'float');
  return { graph: body.graph };
}

const conditional = (condition: (builder: GraphBuilder) => string) =>
  model([2], (builder) =>
    builder.op('If', [condition(builder)], { then_branch: branch('Mul'), else_branch: branch('Sub') }),
  );

/** Multiplies a state by w, `trips` times, and collects the states. */
function loop(trips: (builder: GraphBuilder) => string, stop = false) {
  return model([2], (builder) => {
    const body = new GraphBuilder(emptyGraph('body'));
    body.reserve(['w', 'x']);
    body.graph.input = [
      valueInfo('trip', 'int64', []),
      valueInfo('go', 'bool', []),
      valueInfo('state', 'float', [2]),
    ];
    body.reserve(['trip', 'go', 'state']);
    const go = stop
      ? body.op('Less', [body.op('ReduceSum', ['state'], { keepdims: 0 }), body.scalar(1000)])
      : body.op('Identity', ['go']);
    const next = body.op('Mul', ['state', 'w']);
    const shown = body.op('Add', [next, next]);
    body.graph.output = [
      valueInfo(go, 'bool', []),
      valueInfo(next, 'float', [2]),
      valueInfo(shown, 'float', [2]),
    ];
    const outputs = builder.ops(
      'Loop',
      [trips(builder), '', 'x'],
      { body: { graph: body.graph } },
      { count: 2 },
    );
    const collected = builder.op('ReduceSum', [outputs[1]!, builder.ints([0])], { keepdims: 0 });
    return builder.op('Add', [outputs[0]!, collected]);
  });
}

const constantTrips = (count: number) => (builder: GraphBuilder) =>
  builder.constant('int64', [], int64Data([count]));

const cases = {
  'If with a constant': conditional((builder) => builder.constant('bool', [], Uint8Array.of(1))),
  'If on a shape': conditional((builder) =>
    builder.op('Equal', [builder.op('Size', ['x']), builder.constant('int64', [], int64Data([3]))]),
  ),
  'Loop with a constant trip count': loop(constantTrips(3)),
  'Loop of no trip over a state': loop(constantTrips(1)),
};

for (const [name, given] of Object.entries(cases)) {
  test(`${name} is replaced by what it comes to`, async (t) => {
    const prepared = prepareModel(given).model;
    const graph = await resolveControlFlow(runtime, prepared, fixShapes(prepared.graph, {}));
    t.false(graph.node.some(({ opType }) => opType === 'If' || opType === 'Loop'));
    const [expected, found] = await Promise.all([
      runModel(given, { x }),
      runModel({ ...prepared, graph }, { x }),
    ]);
    t.deepEqual(found, expected);
  });
}

test('gradients go through an unrolled loop', async (t) => {
  // y = x·w³ + 2(x·w + x·w² + x·w³), mean over two elements.
  const { loss, gradients: found } = await gradients(
    cases['Loop with a constant trip count'],
    { x: Float32Array.of(1, 2) },
    { loss: outputLoss() },
  );
  const y = (a: number, w: number) => 3 * a * w ** 3 + 2 * a * w ** 2 + 2 * a * w;
  t.is(loss, (y(1, 3) + y(2, 4)) / 2);
  const slope = (a: number, w: number) => (9 * a * w ** 2 + 4 * a * w + 2 * a) / 2;
  t.deepEqual([...found.get('w')!], [slope(1, 3), slope(2, 4)]);
});

test('control flow that the data decide is refused by name where a parameter goes through it', async (t) => {
  const undecided = conditional((builder) =>
    builder.op('Greater', [builder.op('ReduceSum', ['x'], { keepdims: 0 }), builder.scalar(0)]),
  );
  await t.throwsAsync(gradients(undecided, { x: Float32Array.of(1, 2) }, { loss: outputLoss() }), {
    code: 'NO_GRADIENT',
    message: /If "If" has no gradient rule.*w/,
  });
  await t.throwsAsync(
    gradients(loop(constantTrips(2), true), { x: Float32Array.of(1, 2) }, { loss: outputLoss() }),
    {
      code: 'NO_GRADIENT',
      message: /Loop "Loop" has no gradient rule.*w/,
    },
  );
});
