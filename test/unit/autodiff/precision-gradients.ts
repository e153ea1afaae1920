import { buildGraph, type GraphOptions } from '../../../src/compile/build-graph.js';
import type { ModelProto } from '../../../src/onnx/proto.js';
import { DataType, elementCount, type TensorData, tensorData } from '../../../src/onnx/tensors/tensor.js';
import type { Runtime } from '../../../src/ort/library.js';
import { Session } from '../../../src/ort/session.js';

export interface Taken {
  readonly loss: number;
  /** Of all parameters in a row, divided by the loss scale. */
  readonly gradients: Float32Array;
  /** New running statistics in a row. */
  readonly statistics: Float32Array;
}

/** Loss and gradients of a model for one batch of waves with the labels 0, 1, 2, … */
export async function gradientsOf(
  runtime: Runtime,
  model: ModelProto,
  options: GraphOptions,
  scale = 1,
): Promise<Taken> {
  const built = await buildGraph(runtime, model, options);
  const { kernels } = options.target;
  const session = await Session.create(runtime, built.model, { kernels, intraOpThreads: 1 });
  const weights = new Map(model.graph.initializer.map((tensor) => [tensor.name!, tensorData(tensor)]));
  const feed = (name: string, type: number, count: number): TensorData => {
    if (name === built.lossScale) return Float32Array.of(scale);
    if (type === DataType.int64) return BigInt64Array.from({ length: count }, (_, at) => BigInt(at % 10));
    return weights.get(name) ?? Float32Array.from({ length: count }, (_, at) => Math.sin(at * at));
  };
  try {
    const feeds = session.inputs.map(({ name, type, dims }) => {
      const shape = dims as number[];
      return [name, { type, dims: shape, data: feed(name, type, elementCount(shape)) }] as const;
    });
    const results = await session.run(Object.fromEntries(feeds));
    const joined = (names: readonly string[], factor: number) =>
      Float32Array.from(
        names.flatMap((name) =>
          Array.from(results.get(name)!.data as Float32Array, (value) => value * factor),
        ),
      );
    return {
      loss: results.get(built.loss)!.data[0] as number,
      gradients: joined(
        built.parameters.map(({ output }) => output),
        built.lossScale ? 1 / scale : 1,
      ),
      statistics: joined(
        built.movedStatistics.map(({ output }) => output),
        1,
      ),
    };
  } finally {
    session.dispose();
  }
}
