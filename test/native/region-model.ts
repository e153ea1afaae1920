import { addon } from '../../src/addon/addon.js';
import { type AttributeValue, float } from '../../src/onnx/attributes.js';
import { GraphBuilder, makeModel } from '../../src/onnx/builder.js';
import { flatminDomain } from '../../src/onnx/domains.js';
import { encodeModel } from '../../src/onnx/proto.js';
import { DataType } from '../../src/onnx/tensors/tensor.js';
import { open } from './models.js';
import type { RegionProgram } from './region-interpreter.js';

/** Numbers of a float32 input, or bytes of a bool one. */
export type RegionInput = Float32Array | Uint8Array;

/** The attributes of the op for a program. */
export function regionAttributes(program: RegionProgram): Record<string, AttributeValue> {
  return {
    axes: program.axes,
    columns: program.columns,
    input_strides: program.inputStrides.flat(),
    output_strides: program.outputStrides.flat(),
    output_dims: program.outputDims.flatMap((dims) => [dims.length, ...dims]),
    code: program.code.flatMap(([op, dst, a, b = 0, c = 0]) => [addon.regionOps.indexOf(op), dst, a, b, c]),
    constants: float(program.constants),
  };
}

/** Runs a model of one Region node with these attributes. */
export async function runAttributes(
  attributes: Readonly<Record<string, AttributeValue>>,
  outputs: number,
  inputs: readonly RegionInput[],
  threads = 1,
): Promise<Float32Array[]> {
  const builder = new GraphBuilder();
  const types = inputs.map((values) => (values instanceof Uint8Array ? 'bool' : 'float'));
  const names = types.map((type, index) => builder.input(`x${index}`, type, [`n${index}`]));
  const values = builder.ops('Region', names, attributes, {
    count: outputs,
    domain: flatminDomain,
    name: 'node',
  });
  for (const value of values) builder.output(value, 'float');
  const session = await open(encodeModel(makeModel(builder.graph, { [flatminDomain]: 1 })), {
    kernels: true,
    intraOpThreads: threads,
  });
  const binding = session.createBinding();
  try {
    for (const [index, data] of inputs.entries()) {
      const buffer = new addon.DeviceBuffer(data.byteLength);
      buffer.write(data);
      binding.bindInput(names[index]!, buffer, DataType[types[index]!], [data.length]);
    }
    for (const value of values) binding.bindOutput(value);
    await binding.run();
    return binding.fetch().map(({ data }) => new Float32Array(data));
  } finally {
    binding.dispose();
    session.dispose();
  }
}

export const runRegion = (program: RegionProgram, inputs: readonly RegionInput[], threads?: number) =>
  runAttributes(regionAttributes(program), program.outputDims.length, inputs, threads);
