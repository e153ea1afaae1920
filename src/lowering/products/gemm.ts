import { float, floatAttribute, intAttribute } from '../../onnx/attributes.js';
import { GraphBuilder } from '../../onnx/builder.js';
import { microsoft, opKey } from '../../onnx/domains.js';
import type { Graph, Node } from '../../onnx/proto.js';
import { elementCount } from '../../onnx/tensors/tensor.js';
import type { ValueTypes } from '../../onnx/value-types.js';
import { sameDims } from './scores.js';
import { Values, withoutUnread } from './values.js';
import { isSwap } from './views.js';

/** A matrix, or matrices, as a product reads them: a value, and whether its last two axes are exchanged. */
interface Operand {
  readonly value: string;
  readonly isSwapped: boolean;
}

/** A product of two matrices, and the nodes behind it that it takes in. */
interface Product {
  readonly a: Operand;
  readonly b: Operand;
  readonly alpha: number;
  /** Added to it. */
  readonly c?: string | undefined;
  readonly beta: number;
  readonly output: string;
}

/**
 * Writes float32 products as few nodes: transposes of their operands and of their results are their own attributes, a product with one
 * matrix for a whole batch is one Gemm over all rows, and a bias or another summand behind a Gemm is its input C. (ONNX Runtime finds
 * some of this itself, where nothing else has taken the nodes before.)
 */
export function fuseGemm(graph: Graph, types: ValueTypes): Graph {
  const values = new Values(graph, types);
  const builder = new GraphBuilder({ ...graph, node: [], initializer: [...graph.initializer] });
  builder.reserve(graph.node.flatMap(({ name, output }) => [name ?? '', ...output]));
  const rewriter = new Rewriter(values, builder);
  for (const node of graph.node) rewriter.rewrite(node);
  const { replaced } = rewriter;
  if (replaced.size === 0) return graph;
  const node = graph.node.flatMap((each) => replaced.get(each) ?? [each]);
  return withoutUnread({ ...graph, node, initializer: builder.graph.initializer });
}

interface Replacement {
  readonly last: Node;
  readonly nodes: readonly Node[];
}

class Rewriter {
  /** Products and the nodes behind them that they take in: new nodes in the place of the last one. */
  readonly replaced = new Map<Node, readonly Node[]>();

  constructor(
    private readonly values: Values,
    private readonly builder: GraphBuilder,
  ) {}

  rewrite(node: Node): void {
    const made = this.replacement(node);
    if (made) this.replaced.set(made.last, made.nodes);
  }

  private replacement(node: Node): Replacement | undefined {
    const { values } = this;
    const output = node.output[0]!;
    const key = opKey(node);
    if ((key !== 'MatMul' && key !== 'Gemm') || !values.isFloat(output)) return undefined;
    const [aDims, bDims, dims] = [node.input[0]!, node.input[1]!, output].map((name) => values.dims(name));
    if (!aDims || !bDims || !dims || [aDims, bDims].some((each) => each.length < 2 || each.includes(0)))
      return undefined;
    const product = this.read(node);
    if (key === 'Gemm' || (aDims.length === 2 && bDims.length === 2)) return this.matrices(node, product);
    if (bDims.length === 2) return this.rows(node, product, aDims, bDims, dims);
    if (!product.a.isSwapped && !product.b.isSwapped) return undefined;
    const made = this.builder.detached(
      'FusedMatMul',
      [product.a.value, product.b.value],
      { transA: Number(product.a.isSwapped), transB: Number(product.b.isSwapped) },
      { domain: microsoft, name: node.name ?? '', outputs: [output] },
    );
    return { last: node, nodes: [made] };
  }

  private read(node: Node): Product {
    const isGemm = opKey(node) === 'Gemm';
    const operand = (at: number, name: string) =>
      this.behindSwaps({ value: node.input[at]!, isSwapped: isGemm && intAttribute(node, name, 0) === 1 });
    return {
      a: operand(0, 'transA'),
      b: operand(1, 'transB'),
      alpha: isGemm ? floatAttribute(node, 'alpha', 1) : 1,
      beta: isGemm ? floatAttribute(node, 'beta', 1) : 1,
      c: node.input[2] || undefined,
      output: node.output[0]!,
    };
  }

  private behindSwaps(operand: Operand): Operand {
    let { value, isSwapped } = operand;
    for (;;) {
      const transpose = this.values.producer(value, 'Transpose');
      const dims = transpose && this.values.dims(value);
      if (!transpose || !dims || !isSwap(transpose, dims.length)) return { value, isSwapped };
      [value, isSwapped] = [transpose.input[0]!, !isSwapped];
    }
  }

  /** A product of two matrices: with the transpose, and then the sum, that alone read it. */
  private matrices(node: Node, given: Product) {
    let [last, product] = [node, given];
    const transpose = this.values.soleReader(product.output);
    if (!product.c && transpose && opKey(transpose) === 'Transpose' && isSwap(transpose, 2)) {
      // (A·B)ᵀ = Bᵀ·Aᵀ
      const [a, b] = [product.b, product.a].map(({ value, isSwapped }) => ({ value, isSwapped: !isSwapped }));
      [last, product] = [transpose, { ...product, a: a!, b: b!, output: transpose.output[0]! }];
    }
    const sum = this.summand(product.output, this.values.dims(product.output));
    if (!product.c && sum)
      [last, product] = [sum.add, { ...product, c: sum.other, beta: 1, output: sum.add.output[0]! }];
    return { last, nodes: [this.gemm(node, product)] };
  }

  /** Matrices of a batch times one: all rows at once. */
  private rows(
    node: Node,
    given: Product,
    aDims: readonly number[],
    bDims: readonly number[],
    dims: readonly number[],
  ) {
    // The rows of exchanged matrices do not follow one another: they are copied, which costs less than a product that reads them so.
    const a = node.input[0]!;
    const [inner, columns] = [bDims[0]!, bDims[1]!];
    const rows = elementCount(aDims) / inner;
    const flat = this.values.types.get(given.output)!;
    const reshape = (value: string, to: readonly number[], output: string) =>
      this.builder.detached('Reshape', [value, this.builder.ints(to)], {}, { outputs: [output] });
    const describe = (name: string, to: readonly number[]) => {
      this.values.types.set(name, { type: flat.type, dims: to });
      return name;
    };
    const hint = node.name || 'product';
    const operand = describe(this.builder.fresh(`${hint}_rows`), [rows, inner]);
    const result = describe(this.builder.fresh(`${hint}_of_rows`), [rows, columns]);
    const sum = this.summand(given.output, dims, columns);
    const product = { ...given, a: { value: operand, isSwapped: false }, output: result };
    const output = sum ? sum.add.output[0]! : given.output;
    return {
      last: sum ? sum.add : node,
      nodes: [
        reshape(a, [rows, inner], operand),
        this.gemm(node, sum ? { ...product, c: sum.other } : product),
        reshape(result, dims, output),
      ],
    };
  }

  /** The Add that alone reads a product, and its other operand: of the product's shape, or a bias of so many columns. */
  private summand(output: string, dims: readonly number[] | undefined, columns = dims?.at(-1)) {
    const add = this.values.soleReader(output);
    if (!add || opKey(add) !== 'Add' || this.replaced.has(add) || !dims || columns === undefined)
      return undefined;
    const other = add.input.find((name) => name !== output);
    const otherDims = other === undefined ? undefined : this.values.dims(other);
    const fits = sameDims(otherDims, [columns]) || (dims.length === 2 && sameDims(otherDims, dims));
    return fits ? { add, other: other! } : undefined;
  }

  private gemm(node: Node, { a, b, alpha, beta, c, output }: Product): Node {
    return this.builder.detached(
      'Gemm',
      [a.value, b.value, ...(c ? [c] : [])],
      {
        transA: Number(a.isSwapped),
        transB: Number(b.isSwapped),
        alpha: float(alpha),
        ...(c && { beta: float(beta) }),
      },
      { name: node.name ?? '', outputs: [output] },
    );
  }
}
