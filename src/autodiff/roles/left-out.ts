import type { Graph, ModelProto, Node } from '../../onnx/proto.js';
import { subgraphs } from '../prepare/rename.js';
import { callOf, rulesOf } from './torch-metadata.js';

/** Ops with an optional bias, which an optimizer may leave out or put in. */
const WITH_BIAS = 2;

const isConvolution = ({ opType }: Node): boolean => opType === 'Conv' || opType === 'ConvTranspose';
const hasBias = ({ input }: Node): boolean => Boolean(input[WITH_BIAS]);

/** PyTorch's tracing exporter calls so what it computed itself; of a convolution it computes both only where it folds a normalisation. */
const isComputed = (name = ''): boolean => /^onnx::Conv(Transpose)?_\d+$/.test(name);

const isFolded = (node: Node, isTraced: boolean): boolean =>
  rulesOf(node).some((rule) => rule.startsWith('FuseBatchNormInto')) ||
  (isTraced && isConvolution(node) && isComputed(node.input[1]) && isComputed(node.input[WITH_BIAS]));

const lacksBias = (node: Node): boolean =>
  !hasBias(node) &&
  rulesOf(node).some((rule) => rule.startsWith('RemoveOptionalBias')) &&
  (callOf(node)?.parameters.some((name) => name.endsWith('bias')) ?? false);

function nodesOf({ node }: Graph): Node[] {
  return node.flatMap((each) => [each, ...subgraphs(each).flatMap(nodesOf)]);
}

/** What can be trained no more because an exporter has folded it into others or left it out, as far as the file tells; a sentence each. */
export function describeLeftOut({ graph, producerName }: ModelProto): string[] {
  const nodes = nodesOf(graph);
  const folded = nodes.filter((node) => isFolded(node, producerName === 'pytorch'));
  const bare = nodes.filter(lacksBias);
  const into = folded.every(isConvolution) ? 'convolution' : 'product';
  const isNoted = folded.some((node) => rulesOf(node).length > 0);
  const mend = isNoted
    ? 'torch.onnx.export(…, optimize=False) keeps it'
    : 'torch.onnx.export(…, training=TrainingMode.TRAINING) keeps it, and so does dynamo=True, optimize=False';
  return [
    ...(folded.length > 0
      ? [
          `BatchNormalization was folded into ${folded.length} ${into}${folded.length === 1 ? '' : 's'} when the model was exported: they are trained without it. To train it, export it again: ${mend}.`,
        ]
      : []),
    ...(bare.length > 0
      ? [
          `${bare.length === 1 ? 'One bias' : `${bare.length} biases`} of zeros ${bare.length === 1 ? 'was' : 'were'} left out when the model was exported: what is not in the file is not trained. torch.onnx.export(…, optimize=False) keeps ${bare.length === 1 ? 'it' : 'them'}.`,
        ]
      : []),
  ];
}
