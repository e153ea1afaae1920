import test from 'ava';
import { exampleNode, exampleValues } from '../../../src/capabilities/probe/example.js';
import { batchNorm } from '../../../src/capabilities/probe/examples.js';
import { isolate } from '../../../src/lowering/forms.js';
import { lower } from '../../../src/lowering/lower.js';
import { flatmin, standard, training } from '../../../src/lowering/targets.js';
import { makeModel } from '../../../src/onnx/builder.js';
import { openRuntime } from '../../../src/ort/library.js';
import { allocate, Session } from '../../../src/ort/session.js';

const trainingLibrary = process.env.FLATMIN_TRAINING_RUNTIME;
const example = batchNorm([4, 3, 5, 5]);

for (const target of [standard, flatmin, training]) {
  test(`running statistics that nobody asks for stay as they are (${target.name})`, async (t) => {
    if (target === training && !trainingLibrary) {
      t.log('Skipped: FLATMIN_TRAINING_RUNTIME does not name a libonnxruntime of the training build.');
      t.pass();
      return;
    }
    const { node, types } = exampleNode(example, 'float');
    const graph = lower(isolate([node], types), types, target);
    const output = graph.output.filter(({ name }) => name === 'y');
    const model = makeModel({ ...graph, output }, { 'com.microsoft': 1, flatmin: 1 });
    const runtime = openRuntime(target === training ? trainingLibrary! : 'stock');
    const session = await Session.create(runtime, model, { intraOpThreads: 1, kernels: target.kernels });
    const binding = session.createBinding();
    const bound = Object.entries(example.inputs).map(([name, input]) => {
      const before = Float32Array.from(exampleValues(name, input));
      const buffer = allocate(before.byteLength);
      buffer.write(before);
      binding.bindInput(name, buffer, types.get(name)!.type, input.dims);
      return { name, buffer, before };
    });
    binding.bindOutput('y');
    await binding.run();
    for (const { name, buffer, before } of bound) {
      const after = new Float32Array(before.length);
      buffer.read(after);
      t.deepEqual(after, before, name);
    }
    binding.dispose();
    session.dispose();
  });
}
