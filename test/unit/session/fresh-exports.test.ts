import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  apart,
  BATCH,
  imageBatch,
  named,
  optimizers,
  pairBatch,
  readExport,
  readRecord,
  tokenBatch,
  trainSteps,
} from '../../../scripts/foreign-steps/steps.js';
import { normals } from '../../../src/addon/random.js';
import { inspectModel } from '../../../src/compile/inspect/inspect.js';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { GraphBuilder, makeModel } from '../../../src/onnx/builder.js';
import type { ModelProto } from '../../../src/onnx/proto.js';
import { makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { TrainingSession } from '../../../src/session/session.js';

// Networks that were not trained, as PyTorch's exporters hand them out, and PyTorch's own training of them in float64:
// scripts/foreign-steps/record.py, record_ties.py.
const folder = new URL('../../../../test/fixtures/models/fresh/', import.meta.url);

const forms = [
  'script-train',
  'script-train-slim',
  'script-eval',
  'script-eval-slim',
  'dynamo-train-unoptimised',
  'dynamo-train-unoptimised-slim',
  'dynamo-train',
];

for (const name of ['wrn-16-2', 'mobilenet-v3']) {
  const recorded = readRecord(folder, name);
  for (const form of forms)
    test(`${name}, ${form}: trains as in PyTorch, and gives itself back`, async (t) => {
      const exported = recorded.forms[form]!;
      const reference = recorded.networks[exported.network]!;
      for (const kind of ['sgd', 'sam'] as const) {
        const expected = reference[kind];
        const batches = expected.losses.map((_, step) => imageBatch(recorded.side, step));
        const { session, ...found } = await trainSteps(
          readExport(folder, exported),
          optimizers[kind](recorded.lr),
          batches,
        );
        const { losses, moved } = apart(found, expected);
        t.true(losses <= 1e-5, `${kind}: losses are ${losses} apart`);
        t.true(moved <= 1e-3, `${kind}: distances are ${moved} apart`);
        const count = (which: string) => session.classified.filter((each) => each.kind === which).length;
        t.is(count('parameter'), reference.parameters);
        t.is(count('statistic'), reference.statistics);
        if (kind === 'sam') await givesItself(t, session, batches);
        session.dispose();
      }
    });
}

/** Saved, read and evaluated: the losses of the session that saved it. */
async function givesItself(
  t: ExecutionContext,
  session: TrainingSession,
  batches: readonly Parameters<typeof named>[1][],
): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), 'fresh-'));
  t.teardown(() => rm(path, { recursive: true }));
  await session.save(join(path, 'trained.onnx'));
  const again = await TrainingSession.create(join(path, 'trained.onnx'), {
    loss: crossEntropy(),
    batch: BATCH,
  });
  const feeds = batches.slice(0, 3).map((batch) => named(session, batch));
  const [before, after] = [await session.evaluate(feeds), await again.evaluate(feeds)];
  t.true(Math.abs(before.loss - after.loss) <= 1e-6 * before.loss, `${before.loss}, then ${after.loss}`);
  again.dispose();
}

const tied = { gpt: tokenBatch, siamese: pairBatch };
const untied = {
  'gpt script-eval': 'wte.weight and onnx::MatMul_67',
  'gpt dynamo-eval': 'head.weight and val_45',
} as Readonly<Record<string, string>>;

for (const [name, batchOf] of Object.entries(tied)) {
  const recorded = readRecord(folder, name);
  for (const [form, exported] of Object.entries(recorded.forms))
    test(`${name}, ${form}: weights that are used twice train as in PyTorch, or the notes say that the tie is lost`, async (t) => {
      const reference = recorded.networks[exported.network]!;
      const batches = reference.sgd.losses.map((_, step) => batchOf(step));
      const model = readExport(folder, exported);
      const loss = name === 'gpt' ? crossEntropy({ classAxis: 2 }) : crossEntropy();
      const { session, ...found } = await trainSteps(model, optimizers.sgd(recorded.lr), batches, loss);
      const { losses, moved } = apart(found, reference.sgd);
      t.true(losses <= 1e-5, `losses are ${losses} apart`);
      t.true(moved <= 1e-4, `distances are ${moved} apart`);
      t.is(session.classified.filter(({ kind }) => kind === 'parameter').length, reference.parameters);
      const names = untied[`${name} ${form}`];
      const note = names
        ? `Untied: ${names} hold the same values (transposed): the exporter has taken a tie apart, they are trained apart.`
        : undefined;
      t.is(
        session.notes.find((each) => each.startsWith('Untied')),
        note,
      );
      t.is((await inspectModel(model)).decisions.untied, note ?? null);
      session.dispose();
    });
}

/** Two products with these square weights. */
function products(weights: Readonly<Record<string, Float32Array>>): ModelProto {
  const builder = new GraphBuilder();
  const size = Math.sqrt(Object.values(weights)[0]!.length);
  let value = builder.input('x', 'float', ['batch', size]);
  for (const [name, values] of Object.entries(weights))
    value = builder.op('MatMul', [
      value,
      builder.initializer(makeTensor(name, 'float', [size, size], values)),
    ]);
  builder.output(value, 'float', ['batch', size]);
  return makeModel(builder.graph);
}

const untiedIn = async (weights: Readonly<Record<string, Float32Array>>) =>
  (await inspectModel(products(weights))).decisions.untied;

test('equal weights of two modules are a lost tie, clones in a list and initial values are none', async (t) => {
  const values = normals(16, 1, 0);
  const transposed = Float32Array.from({ length: 16 }, (_, index) => values[(index % 4) * 4 + (index >> 2)]!);
  const other = Float32Array.from(values, (value, index) => (index === 6 ? value + 1 : value));
  t.is(
    await untiedIn({ table: values, head: values }),
    'Untied: table and head hold the same values: if they were one, the exporter has taken a tie apart; they are trained apart.',
  );
  t.is(
    await untiedIn({ table: values, head: transposed }),
    'Untied: table and head hold the same values (transposed): the exporter has taken a tie apart, they are trained apart.',
  );
  t.is(await untiedIn({ table: values, head: other }), null);
  t.is(await untiedIn({ 'layers.0.weight': values, 'layers.1.weight': values }), null);
  t.is(await untiedIn({ table: new Float32Array(16).fill(0.5), head: new Float32Array(16).fill(0.5) }), null);
});

const leftOut = async (name: string, form: string) => {
  const model = read(name, form);
  const { remarks } = await inspectModel(model);
  const session = await TrainingSession.create(model, { loss: crossEntropy(), batch: BATCH });
  const { notes } = session;
  session.dispose();
  return { remarks, notes };
};

const read = (name: string, form: string): ModelProto =>
  readExport(folder, readRecord(folder, name).forms[form]!);

for (const [name, count, biases] of [
  ['wrn-16-2', 7, 7],
  ['mobilenet-v3', 10, 18],
] as const)
  test(`${name}: inspect and the session say what the exporter folded and left out`, async (t) => {
    const folded = `BatchNormalization was folded into ${count} convolutions when the model was exported`;
    for (const form of ['script-eval', 'script-eval-slim', 'dynamo-eval', 'dynamo-train']) {
      const { remarks, notes } = await leftOut(name, form);
      const isBare = form.startsWith('dynamo');
      t.is(remarks.filter((each) => each.startsWith(folded)).length, 1, form);
      t.is(
        remarks.filter((each) => each.startsWith(`${biases} biases of zeros were left out`)).length,
        isBare ? 1 : 0,
      );
      t.regex(
        remarks[0]!,
        isBare ? /export it again: .*optimize=False/ : /export it again: .*TrainingMode\.TRAINING/,
      );
      for (const remark of remarks) t.true(notes.includes(remark), remark);
    }
    for (const form of ['script-train', 'dynamo-train-unoptimised', 'dynamo-eval-unoptimised'])
      t.deepEqual((await leftOut(name, form)).remarks, []);
  });
