import { floatAttribute, hasAttribute, intAttribute } from '../../onnx/attributes.js';
import { opKey } from '../../onnx/domains.js';
import type { Graph, Node } from '../../onnx/proto.js';
import { constantTensor } from '../../onnx/tensors/constants.js';
import { tensorData } from '../../onnx/tensors/tensor.js';
import { readBy } from './rename.js';

/** A graph with every normalisation and dropout as in evaluation, and whether it came in training form. */
export interface EvaluationForm {
  readonly graph: Graph;
  /** BatchNormalization that normalised by the batch, or Dropout that dropped. */
  readonly wasTraining: boolean;
}

/**
 * Puts BatchNormalization into evaluation form: running statistics, one output. Outputs of running statistics that something reads
 * become the statistics as they are. Dropout is left in: it is the identity in evaluation unless its training_mode is set, which
 * is taken back.
 */
export function toEvaluationForm(graph: Graph): EvaluationForm {
  let wasTraining = false;
  const read = new Set([...graph.node.flatMap(readBy), ...graph.output.map(({ name }) => name)]);
  const node = graph.node.flatMap((each): Node[] => {
    if (opKey(each) === 'BatchNormalization') {
      if (intAttribute(each, 'training_mode', 0) !== 1 && each.output.length < 2) return [each];
      wasTraining = true;
      return evaluatedNorm(each, read);
    }
    if (opKey(each) === 'Dropout' && isActive(graph, each)) {
      wasTraining = true;
      return [{ ...each, input: each.input.slice(0, 2) }];
    }
    return [each];
  });
  return { graph: { ...graph, node }, wasTraining };
}

function evaluatedNorm(node: Node, read: ReadonlySet<string>): Node[] {
  const kept = node.attribute.filter(({ name }) => name !== 'training_mode');
  const evaluated = { ...node, output: node.output.slice(0, 1), attribute: kept };
  const statistics = [1, 2].flatMap((position): Node[] => {
    const output = node.output[position];
    const input = [node.input[position + 2]!];
    return output && read.has(output)
      ? [{ opType: 'Identity', name: `${output}/kept`, input, output: [output], attribute: [] }]
      : [];
  });
  return [evaluated, ...statistics];
}

function isActive(graph: Graph, node: Node): boolean {
  const tensor = node.input[2] ? constantTensor(graph, node.input[2]) : undefined;
  return tensor !== undefined && Number(tensorData(tensor)[0]) === 1;
}

/** The share of elements that a Dropout (operator set 12 and later) drops. */
export function dropoutRatio(graph: Graph, node: Node): number {
  const tensor = node.input[1] ? constantTensor(graph, node.input[1]) : undefined;
  if (tensor) return Number(tensorData(tensor)[0]);
  return hasAttribute(node, 'ratio') ? floatAttribute(node, 'ratio', 0.5) : 0.5;
}
