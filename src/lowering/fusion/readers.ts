import { append } from '../../onnx/append.js';
import type { Node } from '../../onnx/proto.js';
import { readBy } from '../../onnx/subgraphs.js';

/** Which nodes read each value. */
export function readersOf(nodes: readonly Node[]): Map<string, number[]> {
  const readers = new Map<string, number[]>();
  nodes.forEach((node, index) => {
    for (const name of new Set(readBy(node))) append(readers, name, index);
  });
  return readers;
}
