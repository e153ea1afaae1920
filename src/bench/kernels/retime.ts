import { isolate } from '../../lowering/forms.js';
import { makeModel } from '../../onnx/builder.js';
import { int64, type ModelProto, type ValueInfo } from '../../onnx/proto.js';
import type { ValueTypes } from '../../onnx/value-types.js';
import type { Runtime } from '../../ort/library.js';
import type { Device } from '../../vectors/device/device.js';
import { median } from '../statistics.js';
import { timeModel } from '../time-model.js';
import type { KernelRow } from './profile-table.js';

/**
 * Rows with the times of their ops as models of one op, for devices that run behind the calls that a profile times. Those whose node the
 * runtime made itself, by fusing others, are left out.
 * @param model that the session was made of
 */
export async function retimed(
  rows: readonly KernelRow[],
  model: ModelProto,
  { device, runtime, kernels }: { device: Device; runtime: Runtime; kernels: boolean },
): Promise<KernelRow[]> {
  const { graph, opsetImport } = model;
  const types = typesOf([...graph.input, ...graph.output, ...graph.valueInfo]);
  const nodes = new Map(graph.node.map((node) => [node.name, node]));
  const timed: KernelRow[] = [];
  for (const row of rows) {
    const node = nodes.get(row.nodes[0]!);
    const known = node && [...node.input, ...node.output].every((name) => name === '' || types.has(name));
    if (!node || !known) continue;
    const one = { ...makeModel(isolate([node], types, graph.initializer)), opsetImport };
    const times = await timeModel(device, runtime, one, { kernels, seconds: 0.1 });
    timed.push({ ...row, seconds: median(times) * row.count });
  }
  return timed.sort((a, b) => b.seconds - a.seconds);
}

function typesOf(values: readonly ValueInfo[]): ValueTypes {
  return new Map(
    values.flatMap(({ name, type }) => {
      const dims = (type?.tensorType?.shape?.dim ?? []).map(({ dimValue }) => int64(dimValue));
      return type?.tensorType ? [[name, { type: type.tensorType.elemType ?? 0, dims }] as const] : [];
    }),
  );
}
