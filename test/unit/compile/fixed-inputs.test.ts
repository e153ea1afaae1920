import { join } from 'node:path';
import test from 'ava';
import type { InputConstants } from '../../../src/autodiff/prepare/fixed-inputs.js';
import { inspectModel } from '../../../src/compile/inspect/inspect.js';
import { meanSquaredError } from '../../../src/losses/regression.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { readModel } from '../../../src/onnx/model.js';
import { int64Data, makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { SGD } from '../../../src/optim/sgd.js';
import { gradients } from '../../../src/session/gradients.js';
import { TrainingSession } from '../../../src/session/session.js';
import { temporaryFolder } from '../../e2e/run-cli.js';

const numbers = (count: number, seed = 1) =>
  Float32Array.from({ length: count }, (_, index) => ((7919 * (index + 31 * seed)) % 1009) / 504.5 - 1);

/** x·w, or −x·w where the rate is not 16000, times a mask. */
function model() {
  const builder = new GraphBuilder();
  builder.input('x', 'float', ['batch', 3]);
  builder.input('rate', 'int64', []);
  builder.input('mask', 'float', ['batch', 2]);
  const w = builder.initializer(makeTensor('w', 'float', [3, 2], numbers(6)));
  const h = builder.op('MatMul', ['x', w]);
  const known = builder.constant('int64', [], int64Data([16000]));
  const branch = (op: string) => {
    const body = new GraphBuilder();
    body.reserve([h]);
    body.output(body.op(op, [h], {}, { outputs: [`${op}/branch`] }), 'float', ['batch', 2]);
    return { graph: body.graph };
  };
  const condition = builder.op('Equal', ['rate', known]);
  const chosen = builder.op('If', [condition], {
    then_branch: branch('Identity'),
    else_branch: branch('Neg'),
  });
  builder.output(builder.op('Mul', [chosen, 'mask'], {}, { outputs: ['y'] }), 'float', ['batch', 2]);
  return makeModel(builder.graph);
}

const batch = (count: number) => ({ x: numbers(3 * count, 3), targets: numbers(2 * count, 7) });
/** Mean squared error of sign·x·w against the targets. */
function expected(count: number, sign: number, mask = 1): number {
  const { x, targets } = batch(count);
  const w = numbers(6);
  const errors = Array.from({ length: 2 * count }, (_, at) => {
    const row = Math.floor(at / 2);
    const y = [0, 1, 2].reduce((sum, k) => sum + x[3 * row + k]! * w[2 * k + (at % 2)]!, 0);
    return (sign * mask * y - targets[at]!) ** 2;
  });
  return errors.reduce((sum, error) => sum + error, 0) / errors.length;
}
const isClose = (a: number, b: number) => Math.abs(a - b) < 1e-6 * Math.max(1, Math.abs(b));

test('an input that is constant decides branches, is no feed, and stays an input of what is saved', async (t) => {
  const path = join(temporaryFolder(t), 'saved.onnx');
  for (const [rate, sign] of [
    [16000, 1],
    [8000n, -1],
  ] as const) {
    const options = { loss: meanSquaredError(), batch: 2, threads: 1, constants: { rate, mask: 1 } };
    const session = await TrainingSession.create(model(), options);
    t.teardown(() => session.dispose());
    t.deepEqual(
      session.feedInputs.map(({ name }) => name),
      ['x', 'targets'],
    );
    const evaluated = await session.evaluate([batch(2)]);
    t.true(isClose(evaluated.loss, expected(2, sign)));
    t.true(isClose((await session.evaluate([batch(3)])).loss, expected(3, sign)));
    const { loss } = await session.step(batch(2), new SGD({ lr: 0.1 }));
    t.true(isClose(loss, expected(2, sign)));
    await session.save(path);
    const { graph } = await readModel(path);
    t.deepEqual(
      graph.input.map(({ name }) => name),
      ['x', 'rate', 'mask'],
    );
    t.true(graph.node.some(({ opType }) => opType === 'If'));
    t.notDeepEqual(session.weight('w'), numbers(6));
  }
});

test('an array is a constant of its elements', async (t) => {
  const { x, targets } = batch(2);
  const options = {
    loss: meanSquaredError(),
    batch: 2,
    threads: 1,
    constants: { rate: 16000, mask: [0.5, 0.5, 0.5, 0.5] },
  };
  const { loss } = await gradients(model(), { x, targets }, options);
  t.true(isClose(loss, expected(2, 1, 0.5)));
});

test('inspection leaves constants out of the inputs, and names the input that a branch hangs on', async (t) => {
  const open = await inspectModel(model());
  t.false(open.trainable);
  t.regex(
    open.targets.flatmin!.blockers[0]!.message,
    /If .* has no gradient rule.*hangs on the input "rate": say what it is.*--constant rate=VALUE/,
  );
  const fixed = await inspectModel(model(), { constants: { rate: 16000 } });
  t.true(fixed.trainable);
  t.deepEqual(
    fixed.inputs.map(({ name }) => name),
    ['x', 'mask'],
  );
});

const failures: [string, InputConstants, RegExp][] = [
  [
    'a name that is no input',
    { rates: 16000 },
    /no input "rates".*did you mean "rate".*inputs are x, rate, mask/,
  ],
  ['a fraction for integers', { rate: 0.5 }, /constant "rate" to be integers \(int64\).*0\.5/],
  ['too few elements', { rate: 1, mask: [1, 1] }, /constant "mask" to be 4 elements.*2 elements/],
];
for (const [what, constants, message] of failures) {
  test(`${what} is refused`, async (t) => {
    const options = { loss: meanSquaredError(), batch: 2, threads: 1, constants };
    await t.throwsAsync(TrainingSession.create(model(), options), { code: 'INVALID_ARGUMENT', message });
  });
}

test('a value inside the model is an output of the session alone', async (t) => {
  const path = join(temporaryFolder(t), 'saved.onnx');
  const options = {
    loss: meanSquaredError(),
    batch: 2,
    threads: 1,
    constants: { rate: 8000, mask: 0 },
    output: 'MatMul_out',
  };
  const session = await TrainingSession.create(model(), options);
  t.teardown(() => session.dispose());
  t.true(isClose((await session.evaluate([batch(3)])).loss, expected(3, 1)));
  await session.save(path);
  const { graph } = await readModel(path);
  t.deepEqual(
    graph.output.map(({ name }) => name),
    ['y'],
  );
  const inner = await inspectModel(model(), { constants: { rate: 8000 }, output: 'Neg/branch' });
  t.true(inner.trainable);
  await t.throwsAsync(TrainingSession.create(model(), { ...options, output: 'MatMul_ou' }), {
    message: /no output "MatMul_ou"; its outputs are y\. Nor has it another value.*MatMul_out/,
  });
});
