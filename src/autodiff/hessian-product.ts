import { GraphBuilder } from '../onnx/builder.js';
import type { Graph } from '../onnx/proto.js';
import { DataType } from '../onnx/tensors/tensor.js';
import type { ValueTypes } from '../onnx/value-types.js';
import { backward } from './backward.js';
import type { Bound } from './training-graph.js';

/** A parameter, the input that takes its part of v, and where its part of Hv comes out. */
export interface ProductBound extends Bound {
  readonly direction: string;
}

/**
 * Differentiates a gradient graph once more: appends Hv = ∇(gᵀv), v being an input of each parameter's shape. Where ops have kinks, the
 * derivative is that of the side the point is on.
 * @param graph ops with gradient rules; its outputs are left alone
 * @param types types of all its values
 * @param parameters with `output` naming the gradient
 * @returns a new graph, and the parameters that Hv is not zero for, `output` naming their part of it
 * @throws FlatminError NO_GRADIENT naming an op of the gradient graph that has no rule
 */
export function appendHessianProduct(
  graph: Graph,
  types: ValueTypes,
  parameters: readonly Bound[],
): { graph: Graph; parameters: ProductBound[] } {
  const node = graph.node.map((each) => ({ ...each, input: [...each.input], output: [...each.output] }));
  const builder = new GraphBuilder({
    ...graph,
    node,
    initializer: [...graph.initializer],
    input: [...graph.input],
    output: [...graph.output],
  });
  const directions = parameters.map(({ name, dims }) => {
    const direction = builder.input(builder.fresh(`${name}_direction`), 'float', dims);
    types.set(direction, { type: DataType.float, dims });
    return direction;
  });
  const seeds = new Map(parameters.map(({ output }, index) => [output, directions[index]!]));
  const names = parameters.map(({ name }) => name);
  const products = backward(builder, types, seeds, names);
  const bound = parameters.map((parameter, index): ProductBound => {
    const direction = directions[index]!;
    const product = products.get(parameter.name);
    if (!product) return { ...parameter, direction, output: '' };
    // A value of its own: two parameters may share one, and v itself may be one.
    const output = builder.op(
      'Identity',
      [product],
      {},
      { outputs: [builder.fresh(`${parameter.name}_product`)] },
    );
    types.set(output, { type: DataType.float, dims: parameter.dims });
    builder.output(output, DataType.float, parameter.dims);
    return { ...parameter, direction, output };
  });
  return { graph: builder.graph, parameters: bound };
}
