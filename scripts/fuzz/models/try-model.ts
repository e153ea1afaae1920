import { inspectModel } from '../../../src/compile/inspect/inspect.js';
import { outputLoss } from '../../../src/losses/custom.js';
import { readModel } from '../../../src/onnx/model.js';
import { elementCount, type TensorData, viewBytes } from '../../../src/onnx/tensors/tensor.js';
import { SGD } from '../../../src/optim/sgd.js';
import type { FeedInput } from '../../../src/session/feed/check-feed.js';
import { TrainingSession } from '../../../src/session/session.js';
import type { Draw } from '../draw.js';
import { engineError } from '../judge.js';
import { fault, type Outcome, value } from '../kind.js';

/** Numbers that indices, tokens and masks may be too. */
function feedOf(draw: Draw, { type, dims, name }: FeedInput): TensorData {
  const ofType = viewBytes(new Uint8Array(0), type, name).constructor as new (length: number) => TensorData;
  const data = new ofType(elementCount(dims));
  const isBig = data instanceof BigInt64Array || data instanceof BigUint64Array;
  const isFloat = data instanceof Float32Array || data instanceof Float64Array;
  for (let i = 0; i < data.length; i++) {
    const number = isFloat ? draw.uniform(-1, 1) : draw.integer(0, 1);
    data[i] = isBig ? BigInt(number) : number;
  }
  return data;
}

/** Reads a model, inspects it, and trains it by one step of batch 2 where that is possible. */
export async function tryModel(draw: Draw, path: string): Promise<Outcome> {
  const model = await readModel(path);
  const { problem, note, remarks, targets, sizes } = await inspectModel(model);
  const blockers = Object.values(targets).flatMap((target) => target.blockers.map(({ message }) => message));
  // What is wrong with a model is told, not thrown: also what should not have happened.
  const wrong = engineError([problem, note, ...remarks, ...blockers]);
  if (wrong) return fault(`inspectModel tells: ${wrong}`);
  const session = await TrainingSession.create(model, {
    loss: outputLoss(),
    batch: 2,
    dims: sizes,
    threads: 1,
  });
  try {
    const batch = session.feedInputs.map((input) => [input.name, feedOf(draw, input)]);
    await session.step(Object.fromEntries(batch), new SGD({ lr: 0.01 }));
    return value;
  } finally {
    session.dispose();
  }
}
