import { backward } from '../../src/autodiff/backward.js';
import { decompose } from '../../src/autodiff/decompose/decompose.js';
import { useBatchStatistics } from '../../src/autodiff/training-form.js';
import { trainingModel } from '../../src/autodiff/training-graph.js';
import { lower } from '../../src/lowering/lower.js';
import type { Target } from '../../src/lowering/targets.js';
import { intAttribute } from '../../src/onnx/attributes.js';
import { GraphBuilder, makeModel } from '../../src/onnx/builder.js';
import { microsoft } from '../../src/onnx/domains.js';
import type { Graph } from '../../src/onnx/proto.js';
import { DataType } from '../../src/onnx/tensors/tensor.js';
import type { ValueTypes } from '../../src/onnx/value-types.js';
import { completeTypes } from '../../src/ort/complete-types.js';
import { inferTypes } from '../../src/ort/infer-types.js';
import type { Runtime } from '../../src/ort/library.js';
import { allocate, type HostTensor, Session } from '../../src/ort/session.js';
import type { NdArray } from '../reference/nd-array.js';
import { buildCase, type GradientCase } from './case.js';
import { checkedInputs } from './reference-gradient.js';

const hostTensor = (type: 'float' | 'int64', { dims, data }: NdArray): HostTensor =>
  type === 'float'
    ? { type: DataType.float, dims, data: Float32Array.from(data) }
    : { type: DataType.int64, dims, data: BigInt64Array.from(data, BigInt) };

export interface GradientRun {
  output: NdArray;
  /** By input; an input that the output does not depend on has none. */
  gradients: ReadonlyMap<string, NdArray>;
  /** New values of the running statistics, by input. */
  statistics: ReadonlyMap<string, NdArray>;
  /** Inputs whose buffers the run changed. */
  overwritten: readonly string[];
}

/** Turns the nodes that a case marks with training_mode into flatmin's form of them. */
function putIntoTraining(builder: GraphBuilder, types: ValueTypes): Map<string, string> {
  const training = builder.graph.node.some((node) => intAttribute(node, 'training_mode', 0) === 1);
  return training ? useBatchStatistics(builder, types) : new Map();
}

/** A case forward and backward, by flatmin's rules, lowered to a target; the cotangent has the shape of the output. */
export async function gradientModel(
  runtime: Runtime,
  target: Target,
  gradientCase: GradientCase,
  cotangentDims: readonly number[],
) {
  const { builder: written, output } = buildCase(gradientCase);
  const { opset = 17 } = gradientCase;
  const infer = (graph: Graph) => inferTypes(runtime, makeModel(graph, { '': opset, [microsoft]: 1 }));
  const known = await infer(written.graph);
  const graph = decompose(written.graph, known, checkedInputs(gradientCase));
  const types = graph === written.graph ? known : await infer(graph);
  const builder = new GraphBuilder(graph);
  const seed = builder.input('cotangent', 'float', cotangentDims);
  types.set(seed, types.get(output)!);
  const statistics = putIntoTraining(builder, types);
  const found = backward(builder, types, new Map([[output, seed]]), checkedInputs(gradientCase));
  const named = (values: Iterable<readonly [string, string]>, prefix: string) =>
    Array.from(values, ([name, value]) => {
      const result = builder.op('Identity', [value], {}, { outputs: [builder.fresh(`${prefix}_${name}`)] });
      return [name, builder.output(result, 'float')] as const;
    });
  const outputName = named([['output', output]], 'forward')[0]![1];
  const gradientNames = named(found, 'gradient_of');
  const statisticNames = named(statistics, 'updated');

  const opsets = [{ domain: '', version: opset }];
  const lowered = lower(builder.graph, types, target);
  const typed = await completeTypes(runtime, trainingModel(lowered, types, opsets), types);
  const model = trainingModel(target.finish?.(lowered, typed) ?? lowered, typed, opsets);
  return { model, seed, outputName, gradientNames, statisticNames };
}

/** Runs a case forward and backward in float32: flatmin's rules, lowered to a target, on a runtime that has its ops. */
export async function runGradient(
  runtime: Runtime,
  target: Target,
  gradientCase: GradientCase,
  feeds: Readonly<Record<string, NdArray>>,
  cotangent: NdArray,
): Promise<GradientRun> {
  const { model, seed, outputName, gradientNames, statisticNames } = await gradientModel(
    runtime,
    target,
    gradientCase,
    cotangent.dims,
  );
  const session = await Session.create(runtime, model, {
    intraOpThreads: 1,
    kernels: target.kernels,
  });
  try {
    const inputs = new Map(
      Object.entries(feeds).map(([name, value]) => [
        name,
        hostTensor(gradientCase.inputs[name]!.type, value),
      ]),
    );
    inputs.set(seed, hostTensor('float', cotangent));
    const { results, overwritten } = await runWatched(session, inputs);
    const read = (names: readonly (readonly [string, string])[]) =>
      new Map(names.map(([name, value]) => [name, results.get(value)!]));
    return {
      output: results.get(outputName)!,
      gradients: read(gradientNames),
      statistics: read(statisticNames),
      overwritten,
    };
  } finally {
    session.dispose();
  }
}

/** Runs a session on buffers that are looked at again afterwards. */
async function runWatched(
  session: Session,
  inputs: ReadonlyMap<string, HostTensor>,
): Promise<{ results: Map<string, NdArray>; overwritten: string[] }> {
  const binding = session.createBinding();
  try {
    const buffers = session.inputs.map(({ name }) => {
      const { type, dims, data } = inputs.get(name)!;
      const buffer = allocate(data.byteLength);
      buffer.write(data);
      binding.bindInput(name, buffer, type, dims);
      return { name, buffer, before: Buffer.from(data.buffer, data.byteOffset, data.byteLength) };
    });
    for (const { name } of session.outputs) binding.bindOutput(name);
    await binding.run();
    const results = binding
      .fetch()
      .map(
        ({ name, dims, data }) =>
          [name, { dims: dims as number[], data: Float64Array.from(new Float32Array(data)) }] as const,
      );
    const overwritten = buffers.filter(({ buffer, before }) => {
      const after = Buffer.alloc(before.length);
      buffer.read(after);
      return !after.equals(before);
    });
    return { results: new Map(results), overwritten: overwritten.map(({ name }) => name) };
  } finally {
    binding.dispose();
  }
}
