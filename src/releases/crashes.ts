import { intAttribute } from '../onnx/attributes.js';
import { microsoft, opKey } from '../onnx/domains.js';
import type { Node } from '../onnx/proto.js';

/**
 * Whether ONNX Runtime 1.28 ends or damages the process on the CPU: ConvGrad divides by the number of images, and in groups of other than
 * two spatial axes it writes outside its memory.
 * @param dimsOf the shape of a node's input
 */
export function endsProcess(node: Node, dimsOf: (name: string) => readonly number[]): boolean {
  if (opKey(node) !== `${microsoft}:ConvGrad`) return false;
  const dims = dimsOf(node.input[1]!);
  return dims.includes(0) || (dims.length !== 4 && intAttribute(node, 'group', 1) > 1);
}
