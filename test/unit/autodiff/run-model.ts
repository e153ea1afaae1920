import type { ModelProto } from '../../../src/onnx/proto.js';
import { DataType, type TensorData } from '../../../src/onnx/tensors/tensor.js';
import { openRuntime } from '../../../src/ort/library.js';
import { Session } from '../../../src/ort/session.js';

const runtime = openRuntime();

/** A float32 array and its shape. */
export interface Floats {
  dims: readonly number[];
  data: readonly number[];
}

/** Runs a model on the stock runtime: float32 in, the elements of its outputs out. */
export async function runModel(
  model: ModelProto,
  feeds: Readonly<Record<string, Floats>>,
): Promise<Record<string, number[]>> {
  const session = await Session.create(runtime, model, { intraOpThreads: 1 });
  try {
    const found = await session.run(
      Object.fromEntries(
        Object.entries(feeds).map(([name, { dims, data }]) => [
          name,
          { type: DataType.float, dims, data: Float32Array.from(data) },
        ]),
      ),
    );
    return Object.fromEntries(
      [...found].map(([name, { data }]) => [
        name,
        Array.from(data as TensorData & ArrayLike<number>, Number),
      ]),
    );
  } finally {
    session.dispose();
  }
}
