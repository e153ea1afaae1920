import { microsoft, opKey } from '../../onnx/domains.js';
import type { Node } from '../../onnx/proto.js';
import { isWholeView } from './slots.js';
import type { Use, ValueFlow } from './uses.js';

/** Ops whose result a learned scale or shift follows: products, normalisations, recurrent cells. */
const SCALED = new Set([
  'Attention',
  'BatchNormalization',
  'Conv',
  'ConvTranspose',
  'DeformConv',
  'Einsum',
  'Gemm',
  'GroupNormalization',
  'GRU',
  'InstanceNormalization',
  'LayerNormalization',
  'LpNormalization',
  'LSTM',
  'MatMul',
  'MeanVarianceNormalization',
  'RMSNormalization',
  'RNN',
  'SimplifiedLayerNormalization',
  `${microsoft}:Attention`,
  `${microsoft}:FusedConv`,
  `${microsoft}:FusedGemm`,
  `${microsoft}:FusedMatMul`,
  `${microsoft}:MultiHeadAttention`,
]);

const ROOTS = new Set(['Sqrt', 'Reciprocal', 'Pow']);
/** Ops of a path that a scale or shift is looked for behind. */
const DEPTH = 6;

const dataOperand = (flow: ValueFlow, node: Node): string | undefined =>
  node.input.find((name) => flow.dependsOnData(name));

/** Whether a value is a product or was normalised, perhaps scaled and shifted since. */
function isScaled(flow: ValueFlow, value: string, depth = 0): boolean {
  const node = flow.maker(value);
  if (!node || depth > DEPTH) return false;
  if (SCALED.has(opKey(node))) return true;
  if (isWholeView(node, 0) || node.opType === 'Slice' || node.opType === 'Split')
    return isScaled(flow, node.input[0] ?? '', depth + 1);
  const operands = node.input.filter((name) => flow.dependsOnData(name));
  if (node.opType === 'Div' || node.opType === 'Mul') {
    const divisor = node.input.some((name) => ROOTS.has(flow.maker(name)?.opType ?? ''));
    if (operands.length === 2) return divisor;
  }
  if (node.opType === 'Add' && operands.length === 2)
    return operands.every((name) => isScaled(flow, name, depth + 1));
  if (!['Add', 'Sub', 'Mul', 'Div'].includes(node.opType) || operands.length !== 1) return false;
  return isScaled(flow, operands[0]!, depth + 1);
}

/** Whether a use scales or shifts a product or a normalised value. */
export function isAffine(flow: ValueFlow, { node, value }: Use): boolean {
  if (!['Add', 'Sub', 'Mul', 'Div'].includes(node.opType)) return false;
  return node.input.some((name) => name !== value && isScaled(flow, name));
}

const ARITHMETIC = new Set([
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Cast',
  'Clip',
  'Max',
  'Min',
  'Neg',
  'Sqrt',
  'Log',
  'Pow',
]);

/** Whether a value is an input of the graph but for arithmetic with constants: nothing was learned before it. */
function isAtEntry(flow: ValueFlow, value: string, depth = 0): boolean {
  const node = flow.maker(value);
  if (!node) return flow.dependsOnData(value);
  if (depth > DEPTH) return false;
  const isLayout = isWholeView(node, 0) || node.opType === 'Slice' || node.opType === 'Concat';
  if (!isLayout && !ARITHMETIC.has(node.opType)) return false;
  const operands = node.input.filter((name) => flow.dependsOnData(name));
  return operands.every((name) => isAtEntry(flow, name, depth + 1));
}

/** Whether a use is arithmetic with an input of the model: a mean that is taken off, a deviation that is divided by. */
export function isPreprocessing(flow: ValueFlow, { node }: Use): boolean {
  if (!['Add', 'Sub', 'Mul', 'Div'].includes(node.opType)) return false;
  const operand = dataOperand(flow, node);
  return operand !== undefined && isAtEntry(flow, operand);
}

const ANGLE_OPS = new Set([
  'Add',
  'Cast',
  'Concat',
  'Div',
  'Einsum',
  'Exp',
  'Expand',
  'Gather',
  'Identity',
  'MatMul',
  'Mul',
  'Neg',
  'Pow',
  'Reciprocal',
  'Reshape',
  'Slice',
  'Squeeze',
  'Transpose',
  'Unsqueeze',
]);

/** Whether every path from a value leads to a sine or cosine, no float input joining on the way. */
export function becomesAngle(
  flow: ValueFlow,
  value: string,
  ofFloats: ReadonlySet<string>,
  depth = 0,
): boolean {
  const readers = flow.readers(value);
  return (
    depth < 16 &&
    readers.length > 0 &&
    readers.every(({ node }) => {
      if (ofFloats.has(node.output[0] ?? '')) return false;
      if (node.opType === 'Sin' || node.opType === 'Cos') return true;
      return ANGLE_OPS.has(node.opType) && becomesAngle(flow, node.output[0]!, ofFloats, depth + 1);
    })
  );
}

/** Whether an instance normalisation is the middle of a group normalisation: channels regrouped before it, and put back after. */
export function isOfGroups(flow: ValueFlow, node: Node): boolean {
  if (node.opType !== 'InstanceNormalization') return false;
  const before = flow.maker(node.input[0] ?? '')?.opType === 'Reshape';
  return before && flow.readers(node.output[0] ?? '').every(({ node: next }) => next.opType === 'Reshape');
}
