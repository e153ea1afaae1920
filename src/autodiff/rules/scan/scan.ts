import { append } from '../../../onnx/append.js';
import { describeNode } from '../../../onnx/attributes.js';
import { emptyGraph, type GraphBuilder, valueInfo } from '../../../onnx/builder.js';
import { opKey } from '../../../onnx/domains.js';
import type { Graph, Node } from '../../../onnx/proto.js';
import { type Scanned, type ScanParts, scanNode, scanParts } from '../../../onnx/scan.js';
import { readBy, readFromOutside } from '../../../onnx/subgraphs.js';
import { isFloatingPoint } from '../../../onnx/tensors/tensor.js';
import { dependents } from '../../dependents.js';
import { renameNode } from '../../prepare/rename.js';
import type { Gradient, Rule, RuleContext } from '../../rule.js';
import { zeros } from '../tensors.js';
import { ForwardValues } from './forward-values.js';
import { describeFactors, type Product, productOf, productOfSteps } from './product.js';

/**
 * The steps back to front, in another Scan: its states are the gradients of the states and, summed up, of what the body takes from
 * outside; its slices those of the slices. Where a term of an outside value's gradient is a product, its factors are put out, and it is
 * one product over all steps afterwards.
 */
const gradient: Rule = (c) => {
  const parts = scanParts(c.node);
  const [first] = parts.inputs;
  if (!first) throw c.refuse('it takes no slices, which tell how many steps there are');
  if ([...parts.inputs, ...parts.outputs].some(({ axis }) => axis !== 0))
    throw c.refuse('it takes slices along another axis than the first');
  const other = parts.body.node.find((node) => OF_EACH_STEP.has(opKey(node)));
  if (other)
    throw c.refuse(
      `each of its steps would have its own statistics or random numbers of ${describeNode(other)}, which it is too long to be written out for: export the model in evaluation form, or freeze what is before it`,
    );
  const changed = parts.states.findIndex(
    (_, at) =>
      String(c.known(parts.body.output[at]!.name)?.dims) !== String(c.dims(parts.body.input[at]!.name)),
  );
  if (changed >= 0)
    throw c.refuse(`the shape of its state "${parts.states[changed]}" changes from step to step`);
  return new ScanGradient(c, parts, c.dims(first.name)[0]!).emit();
};

/** Ops that each step has its own of. */
const OF_EACH_STEP = new Set(['BatchNormalization', 'Dropout']);

export const scan: Record<string, Rule> = { Scan: gradient };

/** A value of the backward body that its next step reads in place of an input. */
interface State {
  readonly input: string;
  readonly next: string;
  /** Before the first step. */
  readonly initial: string;
  /** The value of the graph that the last one is the gradient of. */
  readonly of: string;
}

class ScanGradient {
  /** Holds the nodes of the forward body, then those of the backward one. */
  private readonly builder: GraphBuilder;
  private readonly forward: readonly Node[];
  private readonly stateInputs: readonly string[];
  private readonly sliceInputs: readonly string[];
  /** Outside values that a gradient is wanted of. */
  private readonly captured: readonly string[];

  constructor(
    private readonly c: RuleContext,
    private readonly parts: ScanParts,
    private readonly steps: number,
  ) {
    const { body, states } = parts;
    // Copies: a rule may give a node another output.
    const node = body.node.map((each) => ({ ...each, input: [...each.input], output: [...each.output] }));
    this.builder = c.builder.nested({ ...body, node, initializer: [...body.initializer] });
    this.forward = [...node];
    const inputs = body.input.map(({ name }) => name);
    this.stateInputs = inputs.slice(0, states.length);
    this.sliceInputs = inputs.slice(states.length);
    const outside = new Set(readFromOutside(body));
    this.captured = [...new Set(c.subgraph.active)].filter((name) => outside.has(name));
  }

  emit(): Gradient[] {
    const { c, parts } = this;
    const active = this.activeStates();
    const slices = [...this.sliceInputs.keys()].filter((at) => this.needsSlice(at));
    const seeds = new Map<string, string[]>();
    const seed = (value: string): string => {
      const name = c.describe(this.builder.fresh(`${value}_grad`), c.type(value));
      append(seeds, value, name);
      return name;
    };
    const bodyOutputs = parts.body.output.map(({ name }) => name);
    const stateSeeds = active.map((at) => seed(bodyOutputs[at]!));
    const given = parts.outputs.flatMap(({ reversed }, at) => {
      const index = parts.states.length + at;
      const array = c.outputGradients[index];
      return array ? [{ name: seed(bodyOutputs[index]!), array, reversed: !reversed }] : [];
    });
    const terms = c.subgraph.differentiate(
      this.builder,
      new Map([...seeds].map(([value, names]) => [value, this.sum(names)])),
      [
        ...active.map((at) => this.stateInputs[at]!),
        ...slices.map((at) => this.sliceInputs[at]!),
        ...this.captured,
      ],
    );
    // Now that rules have given forward nodes the outputs that they read.
    const values = new ForwardValues(c, this.builder, parts, this.forward, this.steps);
    const made = new Set(this.backwardNodes().flatMap(({ output }) => output));
    const term = (name: string) => (terms.has(name) ? this.sum(terms.get(name)!) : undefined);

    const states: State[] = active.map((at, index) => ({
      input: stateSeeds[index]!,
      next: term(this.stateInputs[at]!) ?? zerosLike(this.builder, c, this.stateInputs[at]!),
      initial: c.outputGradients[at] ?? zerosLike(c.builder, c, parts.states[at]!),
      of: parts.states[at]!,
    }));
    const products: { product: Product; of: string }[] = [];
    for (const of of this.captured) {
      const rest: string[] = [];
      for (const each of terms.get(of) ?? []) {
        const product = made.has(each)
          ? this.stepProduct(each, (name) => values.has(name) || made.has(name))
          : undefined;
        if (product) products.push({ product, of });
        else rest.push(each);
      }
      if (rest.length === 0) continue;
      const input = c.describe(this.builder.fresh(`${of}_sum`), c.type(of));
      const next = this.builder.op('Add', [input, this.sum(rest)]);
      states.push({ input, next, initial: zerosLike(c.builder, c, of), of });
    }
    const sliceGradients = slices.flatMap((at) => {
      const value = term(this.sliceInputs[at]!);
      return value ? [{ at, value }] : [];
    });
    for (const { product, of } of products) describeFactors(c, product, c.type(of));
    const factors = [...new Set(products.flatMap(({ product: { a, b } }) => [a, b]))];
    const ownFactors = factors.filter((name) => !values.has(name));

    const gradientArrays = sliceGradients.map(({ at }) => this.gradientOf(parts.inputs[at]!.name));
    const factorArrays = new Map(
      factors.map((name) => [
        name,
        values.has(name) ? values.ofSteps(name) : c.builder.fresh(`${name}_steps`),
      ]),
    );
    const finals = states.map(({ of }) => this.gradientOf(of));
    const { graph, read } = this.backwardBody(values, [
      ...states.map(({ next, of }) => ({ name: next, like: of })),
      ...sliceGradients.map(({ at, value }) => ({ name: value, like: this.sliceInputs[at]! })),
      ...ownFactors.map((name) => ({ name, like: name })),
    ]);
    const inputs = [
      ...states.map(({ input }) => input),
      ...given.map(({ name }) => name),
      ...read.map(({ name }) => name),
    ];
    this.extendForward(values);
    const leading = (name: string, reversed: boolean): Scanned => ({ name, axis: 0, reversed });
    c.builder.graph.node.push(
      scanNode({
        name: c.builder.fresh(`${parts.name || 'scan'}_grad`),
        body: { ...graph, input: inputs.map((name) => valueInfo(name, c.type(name).type, c.dims(name))) },
        states: states.map(({ initial }) => initial),
        inputs: [
          ...given.map(({ array, reversed }) => leading(array, reversed)),
          ...read.map(({ array }) => leading(array.name, !array.reversed)),
        ],
        finals,
        outputs: [
          ...sliceGradients.map(({ at }, index) =>
            leading(gradientArrays[index]!, !parts.inputs[at]!.reversed),
          ),
          ...ownFactors.map((name) => leading(factorArrays.get(name)!, true)),
        ],
      }),
    );

    states.slice(active.length).forEach(({ of }, index) => {
      c.subgraph.add(of, finals[active.length + index]!);
    });
    for (const { product, of } of products) {
      const [a, b] = [factorArrays.get(product.a)!, factorArrays.get(product.b)!];
      const dims = c.dims(of) as [number, number];
      c.subgraph.add(of, productOfSteps(c, product, { a, b, steps: this.steps }, dims));
    }
    const found = new Map<number, string>(active.map((at, index) => [at, finals[index]!]));
    sliceGradients.forEach(({ at }, index) => {
      found.set(parts.states.length + at, gradientArrays[index]!);
    });
    return c.node.input.map((_, index) => found.get(index));
  }

  /** States that depend, in any step, on what a gradient is wanted of. */
  private activeStates(): number[] {
    const { c, parts, stateInputs } = this;
    const isFloat = (name: string) => isFloatingPoint(c.type(name).type);
    const all = [...stateInputs.keys()].filter((at) => isFloat(stateInputs[at]!));
    const found = new Set(all.filter((at) => c.needs(at)));
    const others = [...this.captured, ...this.sliceInputs.filter((_, at) => this.needsSlice(at))];
    for (let before = -1; before !== found.size; ) {
      before = found.size;
      const sources = [...others, ...[...found].map((at) => stateInputs[at]!)];
      const active = dependents(parts.body.node, sources);
      for (const at of all) if (active.has(parts.body.output[at]!.name)) found.add(at);
    }
    return all.filter((at) => found.has(at));
  }

  private needsSlice(at: number): boolean {
    const { c, parts } = this;
    return c.needs(parts.states.length + at) && isFloatingPoint(c.type(this.sliceInputs[at]!).type);
  }

  private backwardNodes(): Node[] {
    return this.builder.graph.node.slice(this.forward.length);
  }

  /** A term as a product of values that each step has its own of. */
  private stepProduct(term: string, changes: (name: string) => boolean): Product | undefined {
    const product = productOf(
      this.c,
      this.backwardNodes().find(({ output }) => output[0] === term),
    );
    return product && changes(product.a) && changes(product.b) ? product : undefined;
  }

  private sum(terms: readonly string[]): string {
    return terms.length === 1 ? terms[0]! : this.builder.op(terms.length === 2 ? 'Add' : 'Sum', terms);
  }

  /** A value of the graph for the gradient of another. */
  private gradientOf(value: string): string {
    return this.c.describe(this.c.builder.fresh(`${value}_grad`), this.c.type(value));
  }

  /** What results need, of the nodes of the backward body and of the forward steps. */
  private backwardBody(values: ForwardValues, results: readonly { name: string; like: string }[]) {
    const { builder, c } = this;
    const outputs = this.ownOutputs(results.map(({ name }) => name));
    const needed = new Set(outputs);
    const kept = this.backwardNodes()
      .reverse()
      .filter((node) => {
        const isNeeded = node.output.some((name) => needed.has(name));
        if (isNeeded) for (const name of readBy(node)) needed.add(name);
        return isNeeded;
      })
      .reverse();
    const { nodes, read, names } = values.inBackward(needed);
    const node = [...nodes, ...kept].map((each) => renameNode(each, (name) => names.get(name) ?? name));
    const graph: Graph = {
      ...emptyGraph(`${this.parts.body.name || 'body'}_grad`),
      node,
      initializer: usedConstants(builder, node),
      // Some kernels tell ONNX Runtime no shapes, which a Scan asks for.
      output: outputs.map((name, at) => {
        const { type, dims } = c.type(results[at]!.like);
        return valueInfo(name, type, dims);
      }),
    };
    return { graph, read };
  }

  /** The results under names that nodes of the backward body make, each once. */
  private ownOutputs(results: readonly string[]): string[] {
    const free = new Set(this.backwardNodes().flatMap(({ output }) => output));
    return results.map((name) => (free.delete(name) ? name : this.builder.op('Identity', [name])));
  }

  /** The forward node puts out what the backward one reads. */
  private extendForward(values: ForwardValues): void {
    const { c, parts, builder } = this;
    const added = values.outputs;
    const node = [...this.forward, ...values.nodes];
    const output = [
      ...parts.body.output,
      ...added.map(({ bodyOutput }) => valueInfo(bodyOutput, c.type(bodyOutput).type, c.dims(bodyOutput))),
    ];
    const body: Graph = { ...parts.body, node, initializer: usedConstants(builder, node), output };
    const named = (name: string) => name || c.builder.fresh(`${parts.name || 'scan'}_unused`);
    const extended = scanNode({
      ...parts,
      body,
      finals: parts.finals.map(named),
      outputs: [
        ...parts.outputs.map((each) => ({ ...each, name: named(each.name) })),
        ...added.map(({ array }) => array),
      ],
    });
    c.node.output = extended.output;
    c.node.attribute = extended.attribute;
  }
}

function usedConstants({ graph }: GraphBuilder, nodes: readonly Node[]) {
  const read = new Set(nodes.flatMap(readBy));
  return graph.initializer.filter(({ name }) => read.has(name!));
}

const zerosLike = (builder: GraphBuilder, c: RuleContext, value: string): string =>
  zeros(c, c.dims(value), c.type(value).type, builder);
