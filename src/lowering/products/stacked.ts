import { append } from '../../onnx/append.js';
import { float, floatAttribute, intAttribute } from '../../onnx/attributes.js';
import { GraphBuilder } from '../../onnx/builder.js';
import { opKey } from '../../onnx/domains.js';
import type { Graph, Node } from '../../onnx/proto.js';
import type { ValueTypes } from '../../onnx/value-types.js';
import { Values, withoutUnread } from './values.js';

/** α·op(A)·op(B), of matrices. */
interface Term {
  readonly output: string;
  readonly a: string;
  readonly b: string;
  readonly transA: number;
  readonly transB: number;
  readonly alpha: number;
  readonly rows: number;
  readonly columns: number;
  /** The length of the sums that the product's elements are. */
  readonly inner: number;
}

/** Fewer terms are left alone. */
const FEWEST_TERMS = 3;

/**
 * Writes a sum of products of matrices as one product of the matrices side by side: A₁·B₁ + A₂·B₂ + … = [A₁ A₂ …]·[B₁; B₂; …]. The gradient
 * of a weight that every time step of an unrolled recurrence reads is such a sum.
 */
export function stackProducts(graph: Graph, types: ValueTypes): Graph {
  if (!graph.node.some((node) => opKey(node) === 'Sum')) return graph;
  const values = new Values(graph, types);
  const builder = new GraphBuilder({ ...graph, node: [], initializer: [...graph.initializer] });
  builder.reserve(graph.node.flatMap(({ name, output }) => [name ?? '', ...output]));
  const stacked = new Map<Node, readonly Node[]>();
  for (const node of graph.node) {
    const made = opKey(node) === 'Sum' ? stackedSum(node, values, builder) : undefined;
    if (made) stacked.set(node, made);
  }
  if (stacked.size === 0) return graph;
  return withoutUnread({
    ...graph,
    node: graph.node.flatMap((each) => stacked.get(each) ?? [each]),
    initializer: builder.graph.initializer,
  });
}

/** The nodes in the place of a sum, if enough of its terms are products that can be one. */
function stackedSum(sum: Node, values: Values, builder: GraphBuilder): Node[] | undefined {
  const groups = new Map<string, Term[]>();
  for (const name of sum.input) {
    const term = readTerm(name, values);
    if (!term) continue;
    const form = `${term.transA} ${term.transB} ${term.alpha}`;
    append(groups, form, term);
  }
  const worthIt = [...groups.values()].filter(isWorthIt);
  if (worthIt.length === 0) return undefined;
  const taken = new Set(worthIt.flat().map(({ output }) => output));
  const rest = sum.input.filter((name) => !taken.has(name));
  const isAlone = rest.length === 0 && worthIt.length === 1;
  const nodes: Node[] = [];
  const products = worthIt.map((terms) => {
    const output = isAlone ? sum.output[0]! : builder.fresh(`${sum.output[0]!}_stacked`);
    nodes.push(...product(terms, output, values, builder));
    return output;
  });
  if (!isAlone) nodes.push({ ...sum, input: [...products, ...rest] });
  return nodes;
}

function readTerm(output: string, values: Values): Term | undefined {
  const node = values.producer(output, 'MatMul', 'Gemm');
  if (!node || node.input[2] || !values.isFloat(output) || !values.soleReader(output)) return undefined;
  const [a, b] = [node.input[0]!, node.input[1]!];
  const [aDims, bDims, dims] = [a, b, output].map((name) => values.dims(name));
  if (aDims?.length !== 2 || bDims?.length !== 2 || dims?.length !== 2) return undefined;
  const isGemm = opKey(node) === 'Gemm';
  const transA = isGemm ? intAttribute(node, 'transA', 0) : 0;
  return {
    output,
    a,
    b,
    transA,
    transB: isGemm ? intAttribute(node, 'transB', 0) : 0,
    alpha: isGemm ? floatAttribute(node, 'alpha', 1) : 1,
    rows: dims[0]!,
    columns: dims[1]!,
    inner: aDims[1 - transA]!,
  };
}

/** Putting the operands side by side moves fewer elements than writing each product and reading it again for the sum. */
function isWorthIt(terms: readonly Term[]): boolean {
  const { rows, columns } = terms[0]!;
  const moved = terms.reduce((total, { inner }) => total + inner * (rows + columns), 0);
  return terms.length >= FEWEST_TERMS && moved < terms.length * rows * columns;
}

function product(
  terms: readonly Term[],
  output: string,
  values: Values,
  builder: GraphBuilder,
): readonly Node[] {
  const { transA, transB, alpha } = terms[0]!;
  const nodes: Node[] = [];
  const sideBySide = (names: readonly string[], axis: number) => {
    const joined = builder.fresh(`${output}_side_by_side`);
    const dims = [...values.dims(names[0]!)!];
    dims[axis] = names.reduce((sum, name) => sum + values.dims(name)![axis]!, 0);
    values.types.set(joined, { type: values.types.get(names[0]!)!.type, dims });
    nodes.push(builder.detached('Concat', [...names], { axis }, { outputs: [joined] }));
    return joined;
  };
  const a = sideBySide(
    terms.map((term) => term.a),
    1 - transA,
  );
  const b = sideBySide(
    terms.map((term) => term.b),
    transB,
  );
  const type = values.types.get(terms[0]!.output)!;
  values.types.set(output, type);
  nodes.push(
    builder.detached('Gemm', [a, b], { transA, transB, alpha: float(alpha) }, { outputs: [output] }),
  );
  return nodes;
}
