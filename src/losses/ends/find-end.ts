import { intAttribute } from '../../onnx/attributes.js';
import { opKey } from '../../onnx/domains.js';
import { opTable } from '../../onnx/op-table.js';
import type { Graph, Node } from '../../onnx/proto.js';
import { isFloatingPoint } from '../../onnx/tensors/tensor.js';
import { distributionAxis } from './distribution.js';
import { Backwards } from './nodes.js';
import { writtenOut } from './written-out.js';

/**
 * 'complements': 1 − σ(z) and σ(z) side by side; 'flipped-complements': the other way round; 'distribution': probabilities that are no softmax
 * of one value, such as sigmoids divided by their sum; 'probabilities': elements of softmaxes and sigmoids, put together or picked; 'labels': the place of the largest score.
 */
export type EndKind =
  | 'softmax'
  | 'log-softmax'
  | 'sigmoid'
  | 'log-sigmoid'
  | 'complements'
  | 'flipped-complements'
  | 'distribution'
  | 'log-distribution'
  | 'probabilities'
  | 'labels';

/** The function that ends a model: what comes out of it is made of what goes in by nodes that only lay it out anew. */
export interface End {
  readonly kind: EndKind;
  /** The last node of the function. */
  readonly node: Node;
  /** What goes in: logits; of 'labels' the scores; of 'complements' the value whose sigmoid is taken; of 'distribution' what comes out. */
  readonly input: string;
  /** Axis of the classes in `input`, as the node states it; of 'complements', in what the node makes. */
  readonly axis: number | undefined;
  /** The nodes between the function and the value, the first one first. */
  readonly after: readonly Node[];
  /** For 'complements': the nodes between sigmoid and the pair. */
  readonly inside?: readonly Node[];
}

const LAYOUT = new Set(['Flatten', 'Reshape', 'Squeeze', 'Transpose', 'Unsqueeze']);
/** Longest chain that is followed. */
const DEPTH = 32;
/** What is added to probabilities so that their logarithm is finite. */
const LARGEST_EPSILON = 1e-3;

/** The function of logits that a value of a graph is; undefined where it is none that losses know. */
export function findEnd(graph: Pick<Graph, 'node' | 'initializer'>, value: string): End | undefined {
  const backwards = new Backwards(graph);
  return endOf(backwards, value) ?? pickedProbabilities(backwards, value);
}

/** Ops whose elements are some of their first operand's; 'all': of all operands. */
const PICKING: Readonly<Record<string, 'first' | 'all'>> = opTable<'first' | 'all'>({
  Concat: 'all',
  Expand: 'first',
  Flatten: 'first',
  Gather: 'first',
  GatherElements: 'first',
  GatherND: 'first',
  Max: 'all',
  Min: 'all',
  ReduceMax: 'first',
  ReduceMin: 'first',
  Reshape: 'first',
  Slice: 'first',
  Split: 'first',
  Squeeze: 'first',
  TopK: 'first',
  Transpose: 'first',
  Unsqueeze: 'first',
});

/** Elements of softmaxes and sigmoids alone, wherever they are. */
function pickedProbabilities(graph: Backwards, value: string): End | undefined {
  const node = graph.maker(graph.original(value));
  if (!node || !(opKey(node) in PICKING)) return undefined;
  const isProbability = (name: string, depth: number): boolean => {
    const maker = graph.maker(graph.original(name));
    if (!maker || depth === 0) return false;
    const key = opKey(maker);
    if (key === 'Softmax' || key === 'Sigmoid') return true;
    const operands = PICKING[key];
    if (!operands) {
      const written = writtenOut(maker, graph);
      return written !== undefined && written.kind !== 'log-softmax';
    }
    if (key === 'TopK' && maker.output[0] !== graph.original(name)) return false;
    const names = operands === 'all' ? maker.input.filter(Boolean) : [maker.input[0]!];
    return names.every((each) => isProbability(each, depth - 1));
  };
  return isProbability(value, DEPTH)
    ? { kind: 'probabilities', node, input: value, axis: undefined, after: [] }
    : undefined;
}

function endOf(graph: Backwards, value: string): End | undefined {
  let current = value;
  let [isLogarithm, isExponential, isLabel] = [false, false, false];
  const after: Node[] = [];
  for (let depth = 0; depth < DEPTH; depth++) {
    const node = graph.maker(current);
    if (!node) return undefined;
    const [first, second] = node.input;
    const end = (kind: EndKind, input: string, axis?: number): End | undefined => {
      const known = isLabel && kind !== 'labels' ? undefined : transformed(kind, isLogarithm, isExponential);
      return known && { kind: known, node, input, axis, after: kind === 'labels' ? [] : after };
    };
    const key = opKey(node);
    if (LAYOUT.has(key)) after.unshift(node);
    switch (key) {
      case 'Flatten':
      case 'Reshape':
      case 'Squeeze':
      case 'Transpose':
      case 'Unsqueeze':
      case 'Identity':
      case 'Dropout':
      case 'Clip':
      case 'ai.onnx.ml:ZipMap':
        current = first!;
        break;
      case 'Cast':
        if (!isFloatingPoint(intAttribute(node, 'to', 0))) isLabel = true;
        current = first!;
        break;
      case 'ai.onnx.ml:LabelEncoder':
        isLabel = true;
        current = first!;
        break;
      case 'Gather':
      case 'ai.onnx.ml:ArrayFeatureExtractor':
        if (!graph.isNames(first)) return undefined;
        isLabel = true;
        current = second!;
        break;
      case 'ArgMax':
        return end('labels', first!, intAttribute(node, 'axis', 0));
      case 'Log':
        if (isLogarithm || isExponential) return undefined;
        isLogarithm = true;
        current = first!;
        break;
      case 'Exp':
        if (isLogarithm || isExponential) return undefined;
        isExponential = true;
        current = first!;
        break;
      case 'Add': {
        const [small, other] = graph.number(first) === undefined ? [second, first] : [first, second];
        if (Math.abs(graph.number(small) ?? 1) > LARGEST_EPSILON) return distribution(graph, node, end);
        current = other!;
        break;
      }
      case 'Softmax':
        return end('softmax', first!, intAttribute(node, 'axis', -1));
      case 'LogSoftmax':
        return end('log-softmax', first!, intAttribute(node, 'axis', -1));
      case 'Sigmoid':
        return end('sigmoid', first!);
      case 'Concat':
        return isLabel || isLogarithm || isExponential ? undefined : complements(graph, node, after);
      default: {
        const found = writtenOut(node, graph);
        return found ? end(found.kind, found.input, found.axis) : distribution(graph, node, end);
      }
    }
  }
  return undefined;
}

function distribution(
  graph: Backwards,
  node: Node,
  end: (kind: EndKind, input: string, axis: number) => End | undefined,
): End | undefined {
  const axis = distributionAxis(node, graph);
  return axis === undefined ? undefined : end('distribution', node.output[0]!, axis);
}

function transformed(kind: EndKind, isLogarithm: boolean, isExponential: boolean): EndKind | undefined {
  if (isExponential) return kind === 'log-softmax' ? 'softmax' : undefined;
  if (!isLogarithm) return kind;
  if (kind === 'softmax') return 'log-softmax';
  if (kind === 'distribution') return 'log-distribution';
  return kind === 'sigmoid' ? 'log-sigmoid' : undefined;
}

/** [1 − p, p], with p a sigmoid. */
function complements(graph: Backwards, node: Node, after: readonly Node[]): End | undefined {
  if (node.input.length !== 2) return undefined;
  const [a, b] = node.input;
  const isComplement = (name: string | undefined, of: string | undefined) => {
    const difference = graph.madeBy('Sub', name);
    return (
      difference !== undefined &&
      graph.number(difference.input[0]) === 1 &&
      graph.isSame(difference.input[1], of)
    );
  };
  const kind = isComplement(a, b) ? 'complements' : isComplement(b, a) ? 'flipped-complements' : undefined;
  const sigmoid = kind && endOf(graph, kind === 'complements' ? b! : a!);
  if (!kind || sigmoid?.kind !== 'sigmoid') return undefined;
  const axis = intAttribute(node, 'axis', 0);
  return { kind, node, input: sigmoid.input, axis, after, inside: sigmoid.after };
}
