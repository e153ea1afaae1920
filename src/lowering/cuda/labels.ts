import { DataType } from '../../onnx/tensors/tensor.js';
import type { LoweringContext } from '../context.js';

/** A rewrite that casts int32 labels, an input of the node: the CUDA kernels of the loss and of its gradient take int64 alone. */
export const wideLabels =
  (input: number) =>
  (c: LoweringContext): boolean => {
    const labels = c.input(input);
    if (c.type(labels).type !== DataType.int32) return false;
    const wide = c.op('Cast', [labels], { to: DataType.int64 });
    const inputs = c.node.input.map((name, index) => (index === input ? wide : name));
    c.builder.graph.node.push({ ...c.node, input: inputs });
    return true;
  };
