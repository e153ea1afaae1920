import test from 'ava';
import { InferenceSession } from 'onnxruntime-node';
import { exportTrainingGraph } from '../../../src/compile/export.js';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { meanSquaredError } from '../../../src/losses/regression.js';
import { mlp } from '../../../src/models/mlp.js';
import { smallCnn } from '../../../src/models/small-cnn.js';
import { wideResNet } from '../../../src/models/wide-resnet.js';
import { encodeModel } from '../../../src/onnx/proto.js';

const inputShape = [1, 8, 8] as const;
const models = [
  wideResNet({ depth: 10, width: 1, inputShape, shortcut: 'pad' }),
  smallCnn({ inputShape }),
  mlp({ inputShape, hidden: [8] }),
];
const losses = [crossEntropy(), crossEntropy({ labelSmoothing: 0.1 }), meanSquaredError()];

for (const model of models) {
  for (const loss of losses) {
    test(`${model.graph.name} with ${loss.name} exports what onnxruntime-node loads`, async (t) => {
      const exported = await exportTrainingGraph({ model, form: 'standard', batch: 4, loss });
      const { graph } = exported;
      t.is(graph.name, `${model.graph.name}-batch4-standard`);

      const nodeNames = graph.node.map(({ name }) => name);
      t.deepEqual(
        nodeNames.filter((name, index) => nodeNames.indexOf(name) !== index),
        [],
        'nodes share a name',
      );
      const read = new Set(graph.node.flatMap(({ input }) => input));
      t.deepEqual(
        graph.initializer.filter(({ name }) => !read.has(name!)).map(({ name }) => name),
        [],
        'constants that no node reads',
      );
      const session = await InferenceSession.create(encodeModel(exported));
      t.deepEqual(
        session.inputNames,
        graph.input.map(({ name }) => name),
      );
      await session.release();
    });
  }
}

test('a model by name is that model', async (t) => {
  const loss = crossEntropy();
  const named = await exportTrainingGraph({ model: 'small-cnn', inputShape, classes: 7, batch: 4 });
  const given = await exportTrainingGraph({
    model: smallCnn({ inputShape, classes: 7 }),
    form: 'standard',
    batch: 4,
    loss,
  });
  t.deepEqual(encodeModel(named), encodeModel(given));
});

test('the input model is left as it was', async (t) => {
  const model = smallCnn({ inputShape });
  const before = encodeModel(model);
  await exportTrainingGraph({ model, form: 'standard', batch: 4, loss: crossEntropy() });
  t.deepEqual(encodeModel(model), before);
});

test('a batch that is no positive integer is refused', async (t) => {
  for (const batch of [0, -1, 1.5, Number.NaN]) {
    await t.throwsAsync(
      exportTrainingGraph({ model: models[2]!, form: 'standard', batch, loss: crossEntropy() }),
      { code: 'INVALID_ARGUMENT', message: /batch.*positive integer/ },
    );
  }
});
