import { backward } from '../../src/autodiff/backward.js';
import { decompose } from '../../src/autodiff/decompose/decompose.js';
import { emulateHalf } from '../../src/autodiff/precision/emulate.js';
import { toHalfPrecision } from '../../src/autodiff/precision/half-precision.js';
import { renameNode } from '../../src/autodiff/prepare/rename.js';
import { useBatchStatistics } from '../../src/autodiff/training-form.js';
import { trainingModel } from '../../src/autodiff/training-graph.js';
import { lower } from '../../src/lowering/lower.js';
import type { Target } from '../../src/lowering/targets.js';
import { intAttribute } from '../../src/onnx/attributes.js';
import { GraphBuilder, makeModel } from '../../src/onnx/builder.js';
import { microsoft } from '../../src/onnx/domains.js';
import type { Graph } from '../../src/onnx/proto.js';
import { namesIn } from '../../src/onnx/subgraphs.js';
import { isHalfPrecision } from '../../src/onnx/tensors/floats.js';
import { DataType } from '../../src/onnx/tensors/tensor.js';
import { inferTypes } from '../../src/ort/infer-types.js';
import type { Runtime } from '../../src/ort/library.js';
import { Session } from '../../src/ort/session.js';
import type { NdArray } from '../reference/nd-array.js';
import { buildCase, type GradientCase } from './case.js';
import { checkedInputs, type ReferenceGradient } from './reference-gradient.js';

/** Every float input times one, by a matrix product: an operator that is always half precision. */
function withHalfInputs({ graph }: GraphBuilder): Graph {
  const builder = new GraphBuilder({ ...graph, node: [], initializer: [...graph.initializer] });
  builder.reserve(namesIn(graph.node));
  const one = builder.constant('float', [1, 1], Float32Array.of(1));
  const renamed = new Map<string, string>();
  for (const { name, type } of graph.input) {
    if (type?.tensorType?.elemType !== DataType.float) continue;
    const dims = (type.tensorType.shape?.dim ?? []).map(({ dimValue }) => Number(dimValue));
    if (dims.includes(0)) continue;
    const column = builder.op('Reshape', [name, builder.ints([-1, 1])]);
    const product = builder.op('MatMul', [column, one]);
    renamed.set(name, builder.op('Reshape', [product, builder.ints(dims)]));
  }
  for (const node of graph.node)
    builder.graph.node.push(renameNode(node, (name) => renamed.get(name) ?? name));
  return builder.graph;
}

/**
 * Gradients of a case, by input, whose inputs have been made half precision.
 * @param form 'native' leaves half precision to the runtime, which checks the types of all values; 'emulated' rounds
 */
export async function runHalfGradient(
  runtime: Runtime,
  target: Target,
  gradientCase: GradientCase,
  { feeds, cotangent }: Pick<ReferenceGradient, 'feeds' | 'cotangent'>,
  form: 'native' | 'emulated',
): Promise<Record<string, ArrayLike<number>>> {
  const { builder: written, output } = buildCase(gradientCase);
  const opset = gradientCase.opset ?? 17;
  const infer = (graph: Graph) => inferTypes(runtime, makeModel(graph, { '': opset, [microsoft]: 1 }));
  const source = withHalfInputs(written);
  const names = checkedInputs(gradientCase);
  const graph = decompose(source, await infer(source), names);
  const training = graph.node.some((node) => intAttribute(node, 'training_mode', 0) === 1);
  const half = toHalfPrecision(graph, await infer(graph), {
    type: 'float16',
    neutral: [],
    loss: [],
    batchNorm: training ? 'batch' : 'running',
  });
  const { types } = half;
  const builder = new GraphBuilder(half.graph);
  const isHalf = (name: string) => isHalfPrecision(types.get(name)?.type ?? 0);
  if (training) useBatchStatistics(builder, types);
  const seed = builder.input('cotangent', 'float', cotangent.dims);
  types.set(seed, { type: DataType.float, dims: cotangent.dims });
  const start = isHalf(output) ? builder.op('Cast', [seed], { to: types.get(output)!.type }) : seed;
  if (start !== seed) types.set(start, types.get(output)!);
  const found = backward(builder, types, new Map([[output, start]]), names);
  for (const [name, value] of found)
    builder.output(
      builder.op('Identity', [value], {}, { outputs: [builder.fresh(`gradient_of_${name}`)] }),
      'float',
    );
  const whole = form === 'native' ? { graph: builder.graph, types } : emulateHalf(builder.graph, types);
  const model = trainingModel(lower(whole.graph, whole.types, target), whole.types, [
    { domain: '', version: opset },
  ]);
  const session = await Session.create(runtime, model, {
    intraOpThreads: 1,
    kernels: target.kernels,
  });
  try {
    const host = ({ dims, data }: NdArray, type: number) => ({
      type,
      dims,
      data: type === DataType.float ? Float32Array.from(data) : BigInt64Array.from(data, BigInt),
    });
    const inputs = Object.entries({ ...feeds, cotangent }).map(([name, value]) => {
      const type = gradientCase.inputs[name]?.type === 'int64' ? DataType.int64 : DataType.float;
      return [name, host(value, type)] as const;
    });
    const results = await session.run(Object.fromEntries(inputs));
    const gradients = Object.entries(feeds).map(([name, { data }]) => [
      name,
      (results.get(`gradient_of_${name}`)?.data as Float32Array) ?? new Float32Array(data.length),
    ]);
    return Object.fromEntries(gradients);
  } finally {
    session.dispose();
  }
}
