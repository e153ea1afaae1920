import { FlatminError } from '../../errors.js';
import { microsoft, opKey } from '../../onnx/domains.js';
import type { Graph } from '../../onnx/proto.js';
import { isHalfPrecision } from '../../onnx/tensors/floats.js';
import { DataType } from '../../onnx/tensors/tensor.js';
import type { ValueTypes } from '../../onnx/value-types.js';

/** Operators that are not defined for bfloat16, by ONNX below operator set 22 and by ONNX Runtime. */
const BELOW_22 = ['AveragePool', 'Conv', 'ConvTranspose', 'GlobalAveragePool', 'GlobalMaxPool', 'MaxPool'];
const NEVER = [`${microsoft}:ConvGrad`];

/**
 * Refuses a training graph with half-precision values that a device has no kernels for.
 * @param opset the model's version of the standard operators
 * @param hasKernel whether there is a kernel of an operator (or domain:operator) for the graph's half-precision type
 * @throws FlatminError INVALID_ARGUMENT naming the operators
 */
export function requireHalfKernels(
  graph: Graph,
  types: ValueTypes,
  opset: number,
  hasKernel: (op: string) => boolean,
): void {
  const halfOf = (names: readonly string[]) =>
    names.map((name) => types.get(name)?.type ?? 0).find(isHalfPrecision);
  const used = graph.node.flatMap((node) => {
    const type = halfOf([...node.input, ...node.output]);
    return type === undefined ? [] : [{ op: opKey(node), type }];
  });
  const isBfloat16 = used.some(({ type }) => type === DataType.bfloat16);
  const isDefined = (op: string) =>
    !isBfloat16 || !(NEVER.includes(op) || (opset < 22 && BELOW_22.includes(op)));
  const missing = [...new Set(used.map(({ op }) => op))].filter((op) => !isDefined(op) || !hasKernel(op));
  if (missing.length === 0) return;
  const shown =
    missing.slice(0, 5).join(', ') + (missing.length > 5 ? ` and ${missing.length - 5} more` : '');
  const [precision, type, others] = isBfloat16
    ? ['bf16', 'bfloat16', 'fp32, tf32 or fp16']
    : ['fp16', 'float16', 'fp32 or tf32'];
  throw new FlatminError(
    'INVALID_ARGUMENT',
    `Expected precision to be ${others} for model "${graph.name ?? ''}", but received ${precision}: ONNX Runtime has no ${type} kernels of ${shown} here.`,
  );
}
