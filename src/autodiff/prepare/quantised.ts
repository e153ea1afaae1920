import { microsoft, opKey } from '../../onnx/domains.js';
import { opTable } from '../../onnx/op-table.js';
import type { Graph, Node } from '../../onnx/proto.js';

/** Positions of what may be a quantised weight, by op. */
const QUANTISED: Readonly<Record<string, readonly number[]>> = opTable<readonly number[]>({
  ConvInteger: [1],
  DequantizeLinear: [0],
  MatMulInteger: [0, 1],
  QLinearConv: [3, 8],
  QLinearMatMul: [0, 3],
  [`${microsoft}:DequantizeLinear`]: [0],
  [`${microsoft}:DynamicQuantizeLSTM`]: [1, 2],
  [`${microsoft}:DynamicQuantizeMatMul`]: [1],
  [`${microsoft}:GatherBlockQuantized`]: [0],
  [`${microsoft}:MatMulBnb4`]: [1],
  [`${microsoft}:MatMulFpQ4`]: [1],
  [`${microsoft}:MatMulInteger16`]: [0, 1],
  [`${microsoft}:MatMulIntegerToFloat`]: [0, 1],
  [`${microsoft}:MatMulNBits`]: [1],
  [`${microsoft}:QAttention`]: [1],
  [`${microsoft}:QEmbedLayerNormalization`]: [2, 3, 4, 5, 6],
  [`${microsoft}:QGemm`]: [3, 6],
  [`${microsoft}:QLinearConv`]: [3, 8],
  [`${microsoft}:QMoE`]: [2, 5, 8],
});

/** Ops whose first operand a weight may go through on its way to being used; a weight that is quantised in the graph counts too. */
const ON_THE_WAY = new Set(
  ['Cast', 'Flatten', 'Identity', 'QuantizeLinear', 'Reshape', 'Slice', 'Squeeze', 'Transpose'].concat([
    'Unsqueeze',
    `${microsoft}:QuantizeLinear`,
  ]),
);

/** Weights of a graph that are quantised, and what else quantised ops read: scales and zero points. */
export interface Quantised {
  /** Names of initializers, in the graph's order. */
  readonly weights: readonly string[];
  readonly settings: ReadonlySet<string>;
}

export function quantisedWeights(graph: Graph): Quantised {
  const producers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
  const source = (name: string): string => {
    const node = producers.get(name);
    return node && ON_THE_WAY.has(opKey(node)) ? source(node.input[0] ?? '') : name;
  };
  const operands = ({ input, ...node }: Node) => (QUANTISED[opKey(node)] ?? []).map((at) => input[at] ?? '');
  const found = new Set(graph.node.flatMap(operands).map(source));
  const names = graph.initializer.map(({ name }) => name ?? '');
  const quantisers = graph.node.filter((node) => /Quant|QLinear|Integer|NBits|^Q[A-Z]/.test(node.opType));
  const read = quantisers.flatMap(({ input }) => input).filter((name) => !found.has(name));
  return { weights: names.filter((name) => found.has(name)), settings: new Set(read) };
}
