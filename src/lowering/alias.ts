import { float, floatAttribute, intAttribute } from '../onnx/attributes.js';
import { microsoft } from '../onnx/domains.js';
import type { LoweringContext } from './context.js';

/**
 * BatchNormInternal on copies of the running statistics. ONNX Runtime's kernels (CPU and CUDA) declare that outputs 1 and 2 alias inputs 3
 * and 4: where the outputs are not outputs of the whole graph, the new statistics overwrite the old ones, in the caller's own buffers.
 */
export function batchNormInternal(c: LoweringContext): boolean {
  const [x, scale, bias, mean, variance] = [c.input(0), c.input(1), c.input(2), c.input(3), c.input(4)];
  const unused = () => c.describe(c.builder.fresh('batch_norm_unused'), c.type(mean));
  const outputs = c.node.output.map((name) => name || unused());
  c.builder.ops(
    'BatchNormInternal',
    [x, scale, bias, copy(c, mean), copy(c, variance)],
    {
      epsilon: float(floatAttribute(c.node, 'epsilon', 1e-5)),
      momentum: float(floatAttribute(c.node, 'momentum', 0.9)),
      training_mode: intAttribute(c.node, 'training_mode', 1),
    },
    { domain: microsoft, name: c.node.name ?? '', outputs },
  );
  return true;
}

/** Times ones, one an element: ONNX Runtime takes a product with a scalar 1 out of the graph. */
function copy(c: LoweringContext, statistic: string): string {
  const dims = c.dims(statistic);
  const ones = c.floats(Array(dims[0]!).fill(1), dims, statistic);
  return c.op('Mul', [statistic, ones]);
}
