import { intAttribute } from '../../onnx/attributes.js';
import { opKey } from '../../onnx/domains.js';
import type { Node } from '../../onnx/proto.js';
import type { Backwards } from './nodes.js';
import { oneAxis, writtenOut } from './written-out.js';

/** A value that adds up to `mass` along an axis, in which no element is negative. */
interface Shares {
  readonly mass: number;
  readonly axis: number;
}

/** How far a mass may be from 1, of sums of rounded shares. */
const TOLERANCE = 1e-4;
const DEPTH = 8;

/** The axis along which what a node makes adds up to 1: what is divided by its sum, or a mean of softmaxes. */
export function distributionAxis(node: Node, graph: Backwards): number | undefined {
  const shares = normalised(node, graph) ?? sharesOf(node, graph, DEPTH);
  return shares && Math.abs(shares.mass - 1) < TOLERANCE ? shares.axis : undefined;
}

/** p / Σ p, p / Σ |p|, and what scikit-learn's converter writes where the sum can be 0: (p + t) / (Σ p + t·n). */
function normalised(node: Node, graph: Backwards): Shares | undefined {
  if (opKey(node) !== 'Div') return undefined;
  const [numerator, denominator] = node.input;
  const whole = sumAxis(denominator, numerator, graph);
  if (whole !== undefined) return { mass: 1, axis: whole };
  const [top, bottom] = [graph.madeBy('Add', numerator), graph.madeBy('Add', denominator)];
  if (!bottom) return undefined;
  const terms = top?.input ?? [numerator!];
  for (const term of terms)
    for (const part of bottom.input) {
      const axis = sumAxis(part, term, graph);
      if (axis !== undefined) return { mass: 1, axis };
    }
  return undefined;
}

/** The axis along which a value is the sum of another, or of its absolute values. */
function sumAxis(name: string | undefined, of: string | undefined, graph: Backwards): number | undefined {
  const sum = graph.madeBy('ReduceSum', name) ?? graph.madeBy('ReduceL1', name);
  if (!sum) return undefined;
  const absolute = graph.madeBy('Abs', sum.input[0])?.input[0];
  return graph.isSame(absolute ?? sum.input[0], of) ? oneAxis(sum, graph) : undefined;
}

function sharesOfValue(name: string | undefined, graph: Backwards, depth: number): Shares | undefined {
  const node = graph.maker(graph.original(name));
  return node && depth > 0 ? sharesOf(node, graph, depth - 1) : undefined;
}

function sharesOf(node: Node, graph: Backwards, depth: number): Shares | undefined {
  const [a, b] = node.input;
  switch (opKey(node)) {
    case 'Softmax':
      return { mass: 1, axis: intAttribute(node, 'axis', -1) };
    case 'GlobalAveragePool': {
      const shares = sharesOfValue(a, graph, depth);
      return shares?.axis === 1 ? shares : undefined;
    }
    case 'ReduceMean': {
      const shares = sharesOfValue(a, graph, depth);
      const axes = graph.axes(node);
      return shares?.axis === -1 && axes?.every((axis) => axis >= 0) ? shares : undefined;
    }
    case 'Add':
    case 'Sum':
      return together(node.input, graph, depth);
    case 'Mean': {
      const shares = together(node.input, graph, depth);
      return shares && { ...shares, mass: shares.mass / node.input.length };
    }
    case 'Mul': {
      const [factor, value] = graph.number(a) === undefined ? [graph.number(b), a] : [graph.number(a), b];
      return scaled(value, factor, graph, depth);
    }
    case 'Div': {
      const divisor = graph.number(b);
      return divisor === undefined ? written(node, graph) : scaled(a, 1 / divisor, graph, depth);
    }
    default:
      return written(node, graph);
  }
}

function written(node: Node, graph: Backwards): Shares | undefined {
  const found = writtenOut(node, graph);
  return found?.kind === 'softmax' ? { mass: 1, axis: found.axis! } : undefined;
}

function scaled(
  value: string | undefined,
  factor: number | undefined,
  graph: Backwards,
  depth: number,
): Shares | undefined {
  const shares = factor !== undefined && factor > 0 ? sharesOfValue(value, graph, depth) : undefined;
  return shares && { ...shares, mass: shares.mass * factor! };
}

function together(names: readonly string[], graph: Backwards, depth: number): Shares | undefined {
  const parts = names.map((name) => sharesOfValue(name, graph, depth));
  const [first] = parts;
  if (!first || !parts.every((part) => part?.axis === first.axis)) return undefined;
  return { axis: first.axis, mass: parts.reduce((sum, part) => sum + part!.mass, 0) };
}
