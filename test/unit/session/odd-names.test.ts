import test from 'ava';
import { meanSquaredError } from '../../../src/losses/regression.js';
import { makeModel } from '../../../src/onnx/builder.js';
import type { Graph, ModelProto } from '../../../src/onnx/proto.js';
import { makeTensor } from '../../../src/onnx/tensors/tensor.js';
import { SGD } from '../../../src/optim/sgd.js';
import { TrainingSession } from '../../../src/session/session.js';

/** y = x·W, with names that every object has a property for. */
function oddNames(): ModelProto {
  const tensor = (name: string, dims: (number | string)[]) => ({
    name,
    type: {
      tensorType: {
        elemType: 1,
        shape: { dim: dims.map((dim) => (typeof dim === 'string' ? { dimParam: dim } : { dimValue: dim })) },
      },
    },
  });
  const graph: Graph = {
    name: 'valueOf',
    node: [
      {
        opType: 'MatMul',
        name: 'hasOwnProperty',
        input: ['__proto__', 'constructor'],
        output: ['toString'],
        attribute: [],
      },
    ],
    initializer: [makeTensor('constructor', 'float', [2, 1], Float32Array.of(1, 2))],
    input: [tensor('__proto__', ['prototype', 2])],
    output: [tensor('toString', ['prototype', 1])],
    valueInfo: [],
  };
  return makeModel(graph);
}

test('tensors, nodes and dimensions may be named as what every object has', async (t) => {
  const session = await TrainingSession.create(oddNames(), { loss: meanSquaredError(), batch: 1 });
  try {
    const [target] = session.feedInputs.map(({ name }) => name).filter((name) => name !== '__proto__');
    const batch = Object.fromEntries([
      ['__proto__', Float32Array.of(1, 1)],
      [target!, Float32Array.of(0)],
    ]);
    const { loss } = await session.step(batch, new SGD({ lr: 0.1 }));
    t.is(loss, 9);
    await t.throwsAsync(session.step({ [target!]: Float32Array.of(0) }, new SGD({ lr: 0.1 })), {
      message: /The batch lacks "__proto__"/,
    });
  } finally {
    session.dispose();
  }
});
