import { readFileSync } from 'node:fs';
import test from 'ava';
import { z } from 'zod';
import { buildGraph } from '../../../src/compile/build-graph.js';
import { meanSquaredError } from '../../../src/losses/regression.js';
import { flatmin, standard, type Target, training } from '../../../src/lowering/targets.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import { liveness } from '../../../src/onnx/liveness.js';
import { isScan, scanParts } from '../../../src/onnx/scan.js';
import { makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { openRuntime, type Runtime } from '../../../src/ort/library.js';
import { TrainingSession } from '../../../src/session/session.js';
import { cosine } from '../../vector-math.js';

const [STEPS, BATCH, WIDTH, HIDDEN] = [1000, 2, 3, 4];
const fixture = new URL('../../../../test/fixtures/recurrent/references.json', import.meta.url);
const reference = z.object({ loss: z.number(), gradients: z.record(z.string(), z.array(z.number())) });
const references = z.object({ 1: reference, 2: reference }).parse(JSON.parse(readFileSync(fixture, 'utf8')));

const wave = (count: number, phase: number) =>
  Float32Array.from({ length: count }, (_, at) => Math.sin(phase + 1.7 * at + 0.03 * at * at));

/** LSTM layers over 1,000 steps; see test/fixtures/recurrent/make.py. */
function model(layers: number) {
  const builder = new GraphBuilder();
  let value = builder.input('x', 'float', [STEPS, BATCH, WIDTH]);
  for (let layer = 0; layer < layers; layer++) {
    const weight = (name: string, dims: number[], phase: number) => {
      const values = wave(
        dims.reduce((a, b) => a * b, 1),
        layer + phase,
      );
      return builder.initializer(
        makeTensor(
          `${name}${layer}`,
          'float',
          dims,
          values.map((v) => v / 2),
        ),
      );
    };
    const [all] = builder.ops(
      'LSTM',
      [
        value,
        weight('W', [1, 4 * HIDDEN, layer === 0 ? WIDTH : HIDDEN], 0.3),
        weight('R', [1, 4 * HIDDEN, HIDDEN], 1.3),
        weight('B', [1, 8 * HIDDEN], 2.3),
      ],
      { hidden_size: HIDDEN },
    );
    value = builder.op('Squeeze', [all!, builder.ints([1])]);
  }
  builder.output(value, 'float', [STEPS, BATCH, HIDDEN]);
  return makeModel(builder.graph);
}

const batch = {
  x: wave(STEPS * BATCH * WIDTH, 0.1),
  targets: new Float32Array(STEPS * BATCH * HIDDEN),
};

async function gradientsOf(layers: number, options: Partial<Parameters<typeof TrainingSession.create>[1]>) {
  const session = await TrainingSession.create(model(layers), { loss: meanSquaredError(), ...options });
  try {
    await session.feed(batch);
    const loss = await (await session.problem().gradient('keep')).read();
    const { arena, gradient } = session.space;
    return {
      loss,
      gradients: Object.fromEntries(
        arena.segments.map(({ name }) => [name, [...arena.read(gradient, name)]] as const),
      ),
    };
  } finally {
    session.dispose();
  }
}

const trainingLibrary = process.env.FLATMIN_TRAINING_RUNTIME;
const on: readonly (readonly [Target, Runtime])[] = [
  [flatmin, openRuntime('stock')],
  [standard, openRuntime('stock')],
  ...(trainingLibrary ? ([[training, openRuntime(trainingLibrary)]] as const) : []),
];

for (const layers of [1, 2] as const) {
  for (const [target, runtime] of on) {
    test(`${layers} LSTM layers over 1,000 steps have PyTorch's gradients, ${target.name}`, async (t) => {
      const expected = references[layers];
      const { loss, gradients } = await gradientsOf(layers, { target, runtime });
      t.true(Math.abs(loss - expected.loss) < 1e-6 * expected.loss, `${loss}, not ${expected.loss}`);
      t.deepEqual(Object.keys(gradients).sort(), Object.keys(expected.gradients).sort());
      for (const [name, values] of Object.entries(expected.gradients)) {
        const size = Math.max(...values.map(Math.abs));
        const error = Math.max(...values.map((value, at) => Math.abs(value - gradients[name]![at]!))) / size;
        t.true(error < 2e-5, `${name}: ${error}`);
      }
    });
  }
}

test('half precision leaves the steps of a Scan in float32, and trains', async (t) => {
  const full = await gradientsOf(2, {});
  const joined = (one: typeof full) => Float32Array.from(Object.values(one.gradients).flat());
  for (const precision of ['fp16', 'bf16'] as const) {
    const half = await gradientsOf(2, { precision });
    t.notDeepEqual(half.gradients, full.gradients, 'something is rounded');
    const agreement = cosine(joined(full), joined(half));
    t.true(agreement > 0.999, `${precision}: cosine ${agreement}`);
    t.true(Math.abs(half.loss / full.loss - 1) < 1e-2);
  }
});

test('a Scan is two nodes, and what it keeps of its steps counts as memory', async (t) => {
  const { model: built, types } = await buildGraph(openRuntime('stock'), model(1), {
    loss: meanSquaredError(),
    target: standard,
  });
  const scans = built.graph.node.filter(isScan);
  t.is(scans.length, 2);
  t.true(built.graph.node.length < 100);
  const kept = scanParts(scans[0]!).outputs;
  t.true(kept.length >= 4, 'gates and states of each step');
  for (const { name } of kept) t.is(types.get(name)!.dims[0], STEPS);
  // i, o, f, the candidate, and two states at least, of 4 bytes each.
  t.true(liveness(built.graph, types).peakBytes > 6 * STEPS * BATCH * HIDDEN * 4);
});
