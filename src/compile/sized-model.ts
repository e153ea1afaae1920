import { trainingModel } from '../autodiff/training-graph.js';
import { lower } from '../lowering/lower.js';
import type { Target } from '../lowering/targets.js';
import { valueInfo } from '../onnx/builder.js';
import type { ModelProto } from '../onnx/proto.js';
import { inferTypes } from '../ort/infer-types.js';
import type { Runtime } from '../ort/library.js';

/** A forward model for inputs of the given sizes alone, lowered to a target: what is compiled needs static shapes. */
export async function sizedModel(
  runtime: Runtime,
  model: ModelProto,
  sizes: ReadonlyMap<string, readonly number[]>,
  target: Target,
): Promise<ModelProto> {
  const input = model.graph.input.map((info) => {
    const dims = sizes.get(info.name);
    return dims ? valueInfo(info.name, info.type?.tensorType?.elemType ?? 0, dims) : info;
  });
  const graph = { ...model.graph, input };
  const types = await inferTypes(runtime, { ...model, graph: { ...graph, output: [] } });
  return trainingModel(lower(graph, types, target), types, model.opsetImport);
}
