import { FlatminError } from '../errors.js';
import { intAttribute } from '../onnx/attributes.js';
import { int64, type ModelProto } from '../onnx/proto.js';
import {
  DataType,
  elementBytes,
  elementCount,
  isFloatingPoint,
  tensorDims,
  viewBytes,
} from '../onnx/tensor.js';
import type { ValueType, ValueTypes } from '../onnx/value-types.js';
import type { Runtime } from './library.js';
import { type HostTensor, Session } from './session.js';

/**
 * Element type and static shape of every tensor in a graph whose input shapes are static.
 * ONNX Runtime is asked: each value is made an output. Shapes that its inference leaves open are found by running once on
 * zeros (ones for floating-point inputs).
 */
export async function inferTypes(runtime: Runtime, model: ModelProto): Promise<ValueTypes> {
  const { graph } = model;
  const types: ValueTypes = new Map();
  for (const tensor of graph.initializer)
    types.set(tensor.name ?? '', { type: tensor.dataType ?? 0, dims: tensorDims(tensor) });
  for (const { name, type } of graph.input) {
    if (types.has(name)) continue;
    const dims = (type?.tensorType?.shape?.dim ?? []).map((dim) =>
      dim.dimParam ? -1 : int64(dim.dimValue, -1),
    );
    if (dims.some((dim) => dim < 0)) {
      throw new FlatminError(
        'INVALID_MODEL',
        `Input "${name}" has an open dimension: its shape must be static here.`,
      );
    }
    types.set(name, { type: type?.tensorType?.elemType ?? 0, dims });
  }
  const values = graph.node.flatMap((node) => node.output).filter((name) => name !== '');
  const output = values.map((name) => ({ name }));
  const probe: ModelProto = { ...model, graph: { ...graph, output } };
  const options = { optimizationLevel: 0, intraOpThreads: 1 };
  const session = await Session.create(runtime, probe, options);
  try {
    // ONNX Runtime 1.30 infers one window too many where the last of ceil_mode would start in the padding.
    const trusted = !graph.node.some((node) => intAttribute(node, 'ceil_mode', 0) === 1);
    const open: string[] = [];
    for (const { name, type, dims } of session.outputs) {
      if (trusted && dims?.every((dim): dim is number => typeof dim === 'number'))
        types.set(name, { type, dims });
      else open.push(name);
    }
    if (open.length > 0) {
      const tensors = session.outputs
        .filter(({ type }) => type > 0 && type !== DataType.string)
        .map(({ name }) => ({ name }));
      const whole = tensors.length === session.outputs.length;
      const runnable = whole
        ? session
        : await Session.create(runtime, { ...probe, graph: { ...graph, output: tensors } }, options);
      const feeds = Object.fromEntries(
        session.inputs.map(({ name }) => [name, placeholder(name, types.get(name)!)]),
      );
      try {
        for (const [name, { type, dims }] of await runnable.run(feeds))
          types.set(name, { type, dims: [...dims] });
      } finally {
        if (!whole) runnable.dispose();
      }
    }
  } finally {
    session.dispose();
  }
  return types;
}

function placeholder(name: string, { type, dims }: ValueType): HostTensor {
  const count = elementCount(dims);
  const data = viewBytes(new Uint8Array(count * elementBytes(type)), type, `input "${name}"`);
  if (isFloatingPoint(type) && (type === DataType.float || type === DataType.double))
    (data as Float32Array).fill(1);
  return { type, dims, data };
}
