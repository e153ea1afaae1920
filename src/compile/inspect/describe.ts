import type { PreparedModel } from '../../autodiff/prepare/prepare.js';
import { subgraphs } from '../../autodiff/prepare/rename.js';
import { dimsOf } from '../../autodiff/prepare/shapes.js';
import type { Classified } from '../../autodiff/roles/classify.js';
import { opKey } from '../../onnx/domains.js';
import type { Graph, ValueInfo } from '../../onnx/proto.js';
import { dataTypeName, elementCount, isFloatingPoint } from '../../onnx/tensors/tensor.js';
import { findLayout } from '../image-layout.js';
import type { InspectedLayout, InspectedTensor, InspectedValue } from './inspection.js';

/** A value as the file declares it: preparation may have changed its element type. */
export const asDeclared = (info: ValueInfo, declared: readonly ValueInfo[]): ValueInfo =>
  declared.find(({ name }) => name === info.name) ?? info;

export function describeValue(info: ValueInfo): InspectedValue {
  const { name, type } = info;
  const kind = type?.sequenceType ? 'sequence' : type?.optionalType ? 'optional' : 'unknown';
  const elemType = type?.tensorType?.elemType;
  return { name, type: elemType ? dataTypeName(elemType) : kind, shape: dimsOf(info) ?? null };
}

export function describeTensor(
  { name, type, dims, kind, reason, uses, unsure }: Classified,
  splits: PreparedModel['splits'] = new Map(),
): InspectedTensor {
  const splitFrom = splits.get(name);
  return {
    name,
    type: dataTypeName(type),
    shape: dims,
    count: elementCount(dims),
    kind,
    reason,
    uses,
    unsure,
    ...(splitFrom !== undefined && { splitFrom }),
  };
}

export function countOps(graph: Graph): Record<string, number> {
  const counts: Record<string, number> = Object.create(null);
  const count = ({ node }: Graph) => {
    for (const each of node) {
      const key = opKey(each);
      counts[key] = (counts[key] ?? 0) + 1;
      subgraphs(each).forEach(count);
    }
  };
  count(graph);
  return counts;
}

export function imageLayout(graph: Graph, inputs: readonly ValueInfo[]): InspectedLayout | null {
  for (const input of inputs) {
    if (!isFloatingPoint(input.type?.tensorType?.elemType ?? 0)) continue;
    const found = findLayout(graph, input);
    if (found) return { input: input.name, layout: found.layout ?? null, why: found.why };
  }
  return null;
}

/** The message alone: a model that flatmin cannot train is a finding here, not a failure. */
export const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/\s*\n\s*/g, ' ');
