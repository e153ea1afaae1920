import { microsoft, opKey } from '../../onnx/domains.js';
import type { Graph, Node } from '../../onnx/proto.js';
import { isScan, scanParts } from '../../onnx/scan.js';
import { nonDifferentiable } from '../registry.js';

/**
 * What an operand is to its op. 'weight': an operand that only learned values have; 'statistic': a running mean or variance;
 * 'setting': a bound, a scale of sampling, a fill value; 'operand': any other.
 */
export type Role = 'weight' | 'statistic' | 'setting' | 'operand';

const anyOperand = 'any';

/** Positions of weights by op. */
const WEIGHTS: Readonly<Record<string, readonly number[] | typeof anyOperand>> = {
  Conv: [1, 2],
  ConvTranspose: [1, 2],
  DeformConv: [1, 3],
  Gemm: anyOperand,
  MatMul: anyOperand,
  BatchNormalization: [1, 2],
  InstanceNormalization: [1, 2],
  LayerNormalization: [1, 2],
  GroupNormalization: [1, 2],
  RMSNormalization: [1],
  LSTM: [1, 2, 3, 7],
  GRU: [1, 2, 3],
  RNN: [1, 2, 3],
  PRelu: [1],
  Gather: [0],
  [`${microsoft}:FusedMatMul`]: anyOperand,
  [`${microsoft}:FusedConv`]: [1, 2],
  [`${microsoft}:FusedGemm`]: anyOperand,
  [`${microsoft}:BiasGelu`]: [1],
  [`${microsoft}:SkipLayerNormalization`]: [2, 3, 4],
  [`${microsoft}:Attention`]: [1, 2],
};

const SETTINGS: Readonly<Record<string, readonly number[]>> = {
  Clip: [1, 2],
  Dropout: [1, 2],
  Pad: [1, 2, 3],
  Resize: [1, 2, 3],
  Upsample: [1],
  OneHot: [1, 2],
  Range: [0, 1, 2],
  Trilu: [1],
  QuantizeLinear: [1, 2],
  DequantizeLinear: [1, 2],
};

export function roleOf(node: Node, index: number): Role {
  const key = opKey(node);
  if (key === 'BatchNormalization' && index >= 3) return 'statistic';
  if (nonDifferentiable.has(key) || SETTINGS[key]?.includes(index)) return 'setting';
  const weights = WEIGHTS[key];
  return weights === anyOperand || weights?.includes(index) ? 'weight' : 'operand';
}

/** Ops that hand their first operand on, differently laid out or in part. */
const VIEWS = new Set([
  'Cast',
  'Concat',
  'Expand',
  'Flatten',
  'Identity',
  'Reshape',
  'Slice',
  'Split',
  'Squeeze',
  'Tile',
  'Transpose',
  'Unsqueeze',
]);

/** One use of a value, views of it followed. */
export interface Use {
  readonly node: Node;
  readonly role: Role;
}

/** The nodes of a graph and of the bodies of its Scan nodes. */
const withBodies = (graph: Graph): Node[] =>
  graph.node.flatMap((node) => [node, ...(isScan(node) ? withBodies(scanParts(node).body) : [])]);

/** For each value, the nodes that read it, by position. */
export function readers(graph: Graph): Map<string, { node: Node; index: number }[]> {
  const found = new Map<string, { node: Node; index: number }[]>();
  for (const node of withBodies(graph)) {
    node.input.forEach((name, index) => {
      if (name === '') return;
      const list = found.get(name);
      if (list) list.push({ node, index });
      else found.set(name, [{ node, index }]);
    });
  }
  return found;
}

/** What a value is used for in the end. */
export function usesOf(name: string, reading: ReturnType<typeof readers>): Use[] {
  const seen = new Set<string>();
  const uses: Use[] = [];
  const follow = (value: string) => {
    if (seen.has(value)) return;
    seen.add(value);
    for (const { node, index } of reading.get(value) ?? []) {
      if (isScan(node)) {
        follow(scanParts(node).body.input[index]!.name);
        continue;
      }
      const isData = index === 0 || node.opType === 'Concat';
      if (VIEWS.has(node.opType) && isData) node.output.forEach(follow);
      else uses.push({ node, role: VIEWS.has(node.opType) ? 'setting' : roleOf(node, index) });
    }
  };
  follow(name);
  return uses;
}
