import { describeNode } from '../../onnx/attributes.js';
import { opKey } from '../../onnx/domains.js';
import { nearNames } from '../../onnx/near-names.js';
import type { Graph } from '../../onnx/proto.js';
import { isFloatingPoint } from '../../onnx/tensors/tensor.js';
import { type HeadLayer, layerOf } from './layer.js';
import { JOINS, OPERATORS } from './operators.js';
import { explainNode, refusal } from './refusal.js';
import type { Values } from './values.js';

/** The value whose layer is meant: the named one, or the first output of floats. @throws FlatminError INVALID_MODEL */
export function scoresOf(graph: Graph, output: string | undefined): string {
  if (output !== undefined) {
    const values = [...graph.output.map(({ name }) => name), ...graph.node.flatMap((node) => node.output)];
    if (values.includes(output)) return output;
    const near = nearNames(output, values.filter(Boolean));
    throw refusal(
      `the model has no value "${output}"${near.length > 0 ? `, but ${near.join(', ')}` : ''}; its outputs are ${graph.output.map(({ name }) => name).join(', ')}`,
    );
  }
  const isFloats = ({ type }: Graph['output'][number]) => isFloatingPoint(type?.tensorType?.elemType ?? 0);
  const found = graph.output.find(isFloats) ?? graph.output[0];
  if (!found) throw refusal('the model has no output');
  return found.name;
}

/**
 * The one layer that a value is made by, with nothing behind it but what is followed.
 * @throws FlatminError INVALID_MODEL saying what stands in the way
 */
export function findLayer(values: Values, scores: string): HeadLayer {
  const found = new Map<string, HeadLayer>();
  const seen = new Set<string>();
  const open = [scores];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (seen.has(value) || values.isConstant(value)) continue;
    seen.add(value);
    const node = values.maker(value);
    if (!node)
      throw refusal(
        `the input "${value}" reaches the output "${scores}" past any Gemm, MatMul, Conv or ConvTranspose`,
      );
    const layer = layerOf(node, values);
    if (layer) found.set(value, layer);
    else if (!(opKey(node) in OPERATORS)) throw refusal(explainNode(node));
    else open.push(...(JOINS.has(opKey(node)) ? node.input : [node.input[0]!]));
  }
  const [layer, ...others] = found.values();
  if (!layer) throw refusal(`"${scores}" is constant`);
  if (others.length > 0)
    throw refusal(
      `"${scores}" is made by several layers, ${[layer, ...others].map(({ node }) => describeNode(node)).join(', ')}`,
    );
  return layer;
}
