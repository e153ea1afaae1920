import type { Node } from '../../onnx/proto.js';
import type { Backwards } from './nodes.js';

/** What a softmax or sigmoid in several nodes is taken of. */
export interface WrittenOut {
  readonly kind: 'softmax' | 'log-softmax' | 'sigmoid';
  readonly input: string;
  readonly axis?: number;
}

/** exp(x) / Σ exp(x), 1 / (1 + exp(−x)), x − log Σ exp(x), in the nodes that exporters write; `node` is the last of them. */
export function writtenOut(node: Node, graph: Backwards): WrittenOut | undefined {
  const [a, b] = node.input;
  switch (node.opType) {
    case 'Div':
      return quotient(a, b, graph);
    case 'Mul':
      return product(a, b, graph) ?? product(b, a, graph);
    case 'Reciprocal':
      return logistic(a, graph);
    case 'Sub':
      return logSoftmax(a, b, graph);
    default:
      return undefined;
  }
}

function quotient(numerator: string | undefined, denominator: string | undefined, graph: Backwards) {
  if (graph.number(numerator) === 1) return logistic(denominator, graph);
  const exponential = graph.madeBy('Exp', numerator);
  const axis = sumOver(denominator, numerator, graph);
  return exponential && axis !== undefined
    ? { kind: 'softmax' as const, ...withoutMaximum(exponential.input[0]!, axis, graph) }
    : undefined;
}

function product(factor: string | undefined, reciprocal: string | undefined, graph: Backwards) {
  const inverse = graph.madeBy('Reciprocal', reciprocal);
  return inverse && graph.madeBy('Exp', factor) ? quotient(factor, inverse.input[0], graph) : undefined;
}

/** 1 + exp(−x) */
function logistic(name: string | undefined, graph: Backwards): WrittenOut | undefined {
  const sum = graph.madeBy('Add', name);
  if (!sum) return undefined;
  const [a, b] = sum.input;
  const other = graph.number(a) === 1 ? b : graph.number(b) === 1 ? a : undefined;
  const negative = graph.original(graph.madeBy('Exp', other)?.input[0]);
  const node = graph.maker(negative);
  if (node?.opType === 'Neg') return { kind: 'sigmoid', input: node.input[0]! };
  if (node?.opType !== 'Mul') return undefined;
  const [c, d] = node.input;
  const input = graph.number(c) === -1 ? d : graph.number(d) === -1 ? c : undefined;
  return input === undefined ? undefined : { kind: 'sigmoid', input };
}

function logSoftmax(x: string | undefined, y: string | undefined, graph: Backwards): WrittenOut | undefined {
  const whole = graph.madeBy('ReduceLogSumExp', y);
  if (whole) {
    const axis = oneAxis(whole, graph);
    return axis !== undefined && graph.isSame(whole.input[0], x)
      ? { kind: 'log-softmax', ...withoutMaximum(x!, axis, graph) }
      : undefined;
  }
  const logarithm = graph.madeBy('Log', y);
  const sum = logarithm && graph.madeBy('ReduceSum', logarithm.input[0]);
  const exponential = sum && graph.madeBy('Exp', sum.input[0]);
  const axis = sum && oneAxis(sum, graph);
  return exponential && axis !== undefined && graph.isSame(exponential.input[0], x)
    ? { kind: 'log-softmax', ...withoutMaximum(x!, axis, graph) }
    : undefined;
}

/** The axis along which a value is the sum of another. */
function sumOver(name: string | undefined, of: string | undefined, graph: Backwards): number | undefined {
  const sum = graph.madeBy('ReduceSum', name);
  return sum && graph.isSame(sum.input[0], of) ? oneAxis(sum, graph) : undefined;
}

/** The axis of a reduction over one, which keeps it. */
export function oneAxis(node: Node, graph: Backwards): number | undefined {
  const axes = graph.axes(node);
  const keeps = node.attribute.find(({ name }) => name === 'keepdims')?.i;
  return axes?.length === 1 && (keeps === undefined || Number(keeps) === 1) ? axes[0] : undefined;
}

/** z of z − max z; else the value itself. */
function withoutMaximum(name: string, axis: number, graph: Backwards): { input: string; axis: number } {
  const difference = graph.madeBy('Sub', name);
  const largest = difference && graph.madeBy('ReduceMax', difference.input[1]);
  return largest && oneAxis(largest, graph) === axis && graph.isSame(largest.input[0], difference.input[0])
    ? { input: difference.input[0]!, axis }
    : { input: name, axis };
}
