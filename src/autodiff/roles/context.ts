import { microsoft, opKey } from '../../onnx/domains.js';
import type { Node } from '../../onnx/proto.js';
import { PRODUCTS } from './fixed-filters.js';
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
  'Concat',
  'Max',
  'Min',
  'Neg',
  'Slice',
  'Sqrt',
  'Log',
  'Pow',
]);

/** What else is done to a signal before anything learned. */
const OF_SIGNALS = new Set([
  'Abs',
  'Pad',
  'ReduceL2',
  'ReduceMax',
  'ReduceMean',
  'ReduceMin',
  'ReduceSum',
  'ReduceSumSquare',
]);

/**
 * The values that are an input of the graph but for arithmetic with constants: nothing was learned before them.
 * @param isFixed of a product: whether its weight is a constant; products are passed then, and all that is done to signals
 */
export function entryValues(flow: ValueFlow, isFixed?: (node: Node) => boolean): ReadonlySet<string> {
  const found = new Set<string>();
  for (const node of flow.nodes) {
    const isProduct = isFixed !== undefined && PRODUCTS.has(node.opType);
    const passes =
      isProduct ||
      isWholeView(node, 0) ||
      ARITHMETIC.has(node.opType) ||
      (isFixed !== undefined && OF_SIGNALS.has(node.opType));
    if (!passes) continue;
    const operands = node.input.filter((name) => flow.dependsOnData(name));
    if (operands.length === 0 || !operands.every((name) => isAtEntry(flow, name, found))) continue;
    if (!isProduct || isFixed(node)) for (const name of node.output) found.add(name);
  }
  return found;
}

const isAtEntry = (flow: ValueFlow, name: string, entry: ReadonlySet<string>): boolean =>
  entry.has(name) || (!flow.maker(name) && flow.dependsOnData(name));

/** Whether a use is arithmetic with an input of the model: a mean that is taken off, a deviation that is divided by. */
export function isPreprocessing(flow: ValueFlow, { node }: Use, entry: ReadonlySet<string>): boolean {
  if (!['Add', 'Sub', 'Mul', 'Div'].includes(node.opType)) return false;
  const operand = dataOperand(flow, node);
  return operand !== undefined && isAtEntry(flow, operand, entry);
}

/** Whether a use scales what a transform of the signal gave, of which the magnitude is taken then. */
export function isOfMagnitude(flow: ValueFlow, { node }: Use): boolean {
  return (node.opType === 'Mul' || node.opType === 'Div') && isSquared(flow, node.output[0] ?? '');
}

/** Whether every reader of a value takes its square or magnitude, views followed. */
function isSquared(flow: ValueFlow, value: string): boolean {
  const values = [value];
  // The list grows while it is read.
  for (const each of values) {
    const readers = flow.readers(each).map(({ node }) => node);
    if (readers.length === 0) return false;
    for (const reader of readers) {
      if (reader.opType === 'Mul') {
        if (reader.input[0] !== reader.input[1]) return false;
      } else if (isWholeView(reader, 0)) values.push(reader.output[0] ?? '');
      else if (!['Abs', 'Pow', 'ReduceL2', 'ReduceSumSquare'].includes(reader.opType)) return false;
    }
  }
  return true;
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
