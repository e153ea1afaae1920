import { renameNode } from '../../autodiff/prepare/rename.js';
import { GraphBuilder } from '../../onnx/builder.js';
import type { Graph, Node } from '../../onnx/proto.js';
import { namesIn, readBy, subgraphs } from '../../onnx/subgraphs.js';
import { DataType } from '../../onnx/tensors/tensor.js';
import type { ValueTypes } from '../../onnx/value-types.js';
import { RANDOM } from '../../ort/fold-constants.js';
import { isProduct } from './cost.js';
import type { ForwardNode, ForwardPart } from './forward-part.js';
import { handedOn, type Segments, segmentOf } from './segments.js';

/** Values of a smaller part of all that is kept, such as statistics of channels, are kept. */
const SMALL = 1 / 2048;

/** What is computed again. */
export interface RecomputePlan {
  readonly segments: Segments;
  /** Whether products and convolutions are computed again too, or their results kept. */
  readonly products: boolean;
}

/** A graph that computes values again, and what it computes again. */
export interface Recomputed {
  readonly graph: Graph;
  readonly types: ValueTypes;
  /** Nodes of the forward part that run twice. */
  readonly again: readonly ForwardNode[];
}

/**
 * Lets the backward part of a graph read copies of forward nodes' values, so that the first ones need not be kept: each segment is
 * computed again from what earlier ones hand on to it, once the gradients of later segments have been taken.
 *
 * The copies' kernels and operands are those of the first run, so their values are too. What draws random numbers is kept; statistics that
 * move do so by the first run alone, as nothing reads those of the copy.
 */
export function rewrite(part: ForwardPart, plan: RecomputePlan): Recomputed {
  return new Rewriting(part, plan).run();
}

class Rewriting {
  private readonly builder: GraphBuilder;
  private readonly types: Map<string, ValueTypes extends ReadonlyMap<string, infer T> ? T : never>;
  private readonly segment: (place: number) => number;
  private readonly kept: ReadonlySet<string>;
  private readonly again = new Set<ForwardNode>();
  /** Copies of values in the segment under way. */
  private copies = new Map<string, string>();
  /** Values behind what the segment under way waits for. */
  private behind = new Map<string, string>();
  private zero: string | undefined;

  constructor(
    private readonly part: ForwardPart,
    private readonly plan: RecomputePlan,
  ) {
    const { graph, types } = part;
    this.builder = new GraphBuilder({ ...graph, node: [], initializer: [...graph.initializer] });
    this.builder.reserve(namesIn(graph.node));
    this.types = new Map(types);
    this.segment = segmentOf(plan.segments);
    this.kept = this.keptValues();
  }

  run(): Recomputed {
    const { part, builder } = this;
    const last = this.plan.segments.length - 1;
    const segments = this.backwardSegments(last);
    const nodes = builder.graph.node;
    nodes.push(...part.nodes.map(({ node }) => node));
    const makers = new Map(part.backward.flatMap((node) => node.output.map((name) => [name, node] as const)));
    const order = new Map(part.backward.map((node, index) => [node, index]));
    for (let segment = last; segment >= 0; segment--) {
      const own = part.backward.filter((node) => segments.get(node) === segment);
      const before = own
        .flatMap(readBy)
        .filter((name) => makers.has(name) && segments.get(makers.get(name)!)! > segment)
        .sort((a, b) => order.get(makers.get(b)!)! - order.get(makers.get(a)!)!);
      this.begin(before[0]);
      for (const node of own) {
        const isCopied = before.length > 0;
        const renamed = isCopied ? renameNode(node, (name) => this.read(name, segment)) : node;
        // A node's own results are no copies.
        nodes.push({ ...renamed, output: node.output });
      }
    }
    return { graph: builder.graph, types: this.types, again: [...this.again] };
  }

  /** Starts a segment, which waits for a gradient. */
  private begin(gradient: string | undefined): void {
    this.copies = new Map();
    this.behind = new Map();
    this.zero = undefined;
    if (gradient !== undefined) this.waitsFor = gradient;
  }

  private waitsFor = '';

  /** The segment that each backward node is of: the first of those whose values it follows from. */
  private backwardSegments(last: number): Map<Node, number> {
    const ofValue = new Map<string, number>();
    const found = new Map<Node, number>();
    for (const node of this.part.backward) {
      const all = readBy(node).map((name) => {
        const maker = this.part.makers.get(name);
        return maker ? this.segment(maker.place) : (ofValue.get(name) ?? last);
      });
      const segment = Math.min(last, ...all);
      found.set(node, segment);
      for (const name of node.output) ofValue.set(name, segment);
    }
    return found;
  }

  private keptValues(): Set<string> {
    const { part, plan } = this;
    const kept = handedOn(part, plan.segments);
    const small = SMALL * part.keptBytes;
    for (const { node } of part.nodes) {
      const isKept = !canRepeat(node) || (!plan.products && isProduct(node, part.types));
      for (const name of node.output)
        if (isKept || !part.types.has(name) || part.bytesOf(name) < small) kept.add(part.rootOf(name));
    }
    for (const { name } of part.graph.output) kept.add(part.rootOf(name));
    return kept;
  }

  /** What a backward node of a segment reads in place of a value. */
  private read(name: string, segment: number): string {
    const maker = this.part.makers.get(name);
    if (!maker || this.isKept(name) || this.segment(maker.place) !== segment) return name;
    return this.copyOf(name, maker);
  }

  private isKept(name: string): boolean {
    return this.kept.has(this.part.rootOf(name));
  }

  private copyOf(name: string, maker: ForwardNode): string {
    const known = this.copies.get(name);
    if (known) return known;
    const { node } = maker;
    const { part, builder } = this;
    const inputs = node.input.map((input) => {
      const from = part.makers.get(input);
      return from && !this.isKept(input) ? this.copyOf(input, from) : input;
    });
    if (!node.input.some((input, index) => input !== inputs[index])) {
      const first = inputs.findIndex((input) => this.types.has(input) && part.makers.has(input));
      const any = first >= 0 ? first : inputs.findIndex((input) => this.types.has(input));
      if (any >= 0) inputs[any] = this.afterGradient(inputs[any]!);
    }
    const output = node.output.map((each) => {
      if (each === '') return '';
      const copy = builder.fresh(`${each}_again`);
      if (this.types.has(each)) this.types.set(copy, this.types.get(each)!);
      this.copies.set(each, copy);
      return copy;
    });
    builder.graph.node.push({
      ...node,
      name: builder.fresh(`${node.name || node.opType}_again`),
      input: inputs,
      output,
    });
    this.again.add(maker);
    return this.copies.get(name)!;
  }

  /**
   * A value that is there no sooner than the gradient that the segment waits for: ONNX Runtime would else be free to compute the copies at
   * once, and would merge them with what they copy. It is a reshape, which moves nothing, by the value's shape plus 0 · (elements of the
   * gradient).
   */
  private afterGradient(name: string): string {
    const known = this.behind.get(name);
    if (known) return known;
    const { builder, types } = this;
    const { type, dims } = types.get(name)!;
    const int64 = (value: string, shape: readonly number[]) => {
      types.set(value, { type: DataType.int64, dims: shape });
      return value;
    };
    this.zero ??= int64(
      builder.op('Mul', [
        int64(builder.op('Size', [this.waitsFor]), []),
        int64(builder.constant('int64', [], new BigInt64Array(1)), []),
      ]),
      [],
    );
    const shape = int64(builder.op('Add', [int64(builder.ints(dims), [dims.length]), this.zero]), [
      dims.length,
    ]);
    const after = builder.op('Reshape', [name, shape], {}, { outputs: [builder.fresh(`${name}_after`)] });
    types.set(after, { type, dims });
    this.behind.set(name, after);
    return after;
  }
}

/** Whether a node makes the same again. Bodies of loops are run once. */
const canRepeat = (node: Node): boolean => !RANDOM.has(node.opType) && subgraphs(node).length === 0;
