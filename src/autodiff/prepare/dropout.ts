import { GraphBuilder } from '../../onnx/builder.js';
import { opKey } from '../../onnx/domains.js';
import type { Graph } from '../../onnx/proto.js';
import { namesIn } from '../../onnx/subgraphs.js';
import { DataType } from '../../onnx/tensors/tensor.js';
import type { ValueTypes } from '../../onnx/value-types.js';
import type { Weight } from '../separate.js';
import { dropoutRatio } from './evaluation-form.js';

/** A graph without Dropout nodes, and the inputs of uniform numbers in [0, 1) that drop in their place. */
export interface DropoutForm {
  readonly graph: Graph;
  readonly noise: readonly Weight[];
}

/**
 * Replaces Dropout nodes: by nothing, or (`active`) by y = x·[u ≥ ratio]/(1 − ratio) with a graph input u of uniform numbers, so that
 * what is dropped depends on what is fed alone.
 * @param types types of the graph's values; those of the new ones are added
 */
export function replaceDropout(graph: Graph, types: ValueTypes, active: boolean): DropoutForm {
  if (!graph.node.some((node) => opKey(node) === 'Dropout')) return { graph, noise: [] };
  const builder = new GraphBuilder({
    ...graph,
    node: [],
    input: [...graph.input],
    initializer: [...graph.initializer],
  });
  builder.reserve(namesIn(graph.node));
  const noise: Weight[] = [];
  for (const node of graph.node) {
    if (opKey(node) !== 'Dropout') {
      builder.graph.node.push(node);
      continue;
    }
    const [x, y, mask] = [node.input[0]!, node.output[0]!, node.output[1]];
    const { dims, type } = types.get(x)!;
    const ratio = active ? dropoutRatio(graph, node) : 0;
    const value = (name: string, of: number, shape: readonly number[] = dims) => {
      types.set(name, { type: of, dims: shape });
      return name;
    };
    const scalar = (number: number, of: number) => value(builder.scalar(number, of), of, []);
    let kept: string;
    if (ratio === 0) {
      builder.op('Identity', [x], {}, { outputs: [y] });
      if (!mask) continue;
      kept = value(
        builder.constant('bool', dims, new Uint8Array(dims.reduce((a, b) => a * b, 1)).fill(1)),
        DataType.bool,
      );
    } else {
      const u = value(builder.input(builder.fresh(`${node.name || y}_noise`), 'float', dims), DataType.float);
      noise.push({ name: u, dims });
      kept = value(builder.op('GreaterOrEqual', [u, scalar(ratio, DataType.float)]), DataType.bool);
      const share = value(builder.op('Cast', [kept], { to: type }), type);
      const scale = value(builder.op('Mul', [share, scalar(ratio < 1 ? 1 / (1 - ratio) : 0, type)]), type);
      builder.op('Mul', [x, scale], {}, { outputs: [y] });
    }
    if (mask) builder.op('Identity', [kept], {}, { outputs: [mask] });
  }
  return { graph: builder.graph, noise };
}
