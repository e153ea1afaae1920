import type { GraphBuilder } from '../../../onnx/builder.js';
import { opKey } from '../../../onnx/domains.js';
import type { Node } from '../../../onnx/proto.js';
import type { Scanned, ScanParts } from '../../../onnx/scan.js';
import { readBy } from '../../../onnx/subgraphs.js';
import { dependents } from '../../dependents.js';
import type { RuleContext } from '../../rule.js';

/** Ops that only lay out anew or choose: made again rather than kept. */
const CHEAP = new Set([
  ...['Expand', 'Flatten', 'Identity', 'Reshape', 'Slice', 'Split', 'Squeeze', 'Transpose', 'Unsqueeze'],
]);

/** A slice input of the backward body. */
export interface ReadBack {
  readonly name: string;
  readonly array: Scanned;
}

/** What a backward body reads of the forward steps: made again, or put out by the forward body in each step. */
export class ForwardValues {
  /** What the forward body puts out besides, by value. */
  private readonly kept = new Map<string, { readonly array: Scanned; readonly output: string }>();
  /** Nodes of the forward body for that. */
  readonly nodes: Node[] = [];
  private readonly makers = new Map<string, number>();
  private readonly inputs: ReadonlyMap<string, number>;
  /** What is another value in each step. */
  private readonly changing: ReadonlySet<string>;

  /** @param forward the nodes of the forward body */
  constructor(
    private readonly c: RuleContext,
    private readonly builder: GraphBuilder,
    private readonly parts: ScanParts,
    private readonly forward: readonly Node[],
    private readonly steps: number,
  ) {
    forward.forEach(({ output }, index) => {
      for (const name of output) if (name) this.makers.set(name, index);
    });
    const inputs = parts.body.input.map(({ name }) => name);
    this.inputs = new Map(inputs.map((name, index) => [name, index]));
    this.changing = dependents(forward, inputs);
  }

  /** Whether the forward body has the value, and another one in each step. */
  has(name: string): boolean {
    return this.changing.has(name);
  }

  /** Outputs of the forward body and node that are new. */
  get outputs(): { bodyOutput: string; array: Scanned }[] {
    return [...this.kept.values()]
      .filter(({ output }) => output !== '')
      .map(({ output, array }) => ({ bodyOutput: output, array }));
  }

  /** A value of all steps, [steps, …], in the order of the steps. */
  ofSteps(name: string): string {
    const slice = this.sliceOf(name);
    return slice && !slice.reversed ? slice.name : this.keep(name).name;
  }

  /**
   * What a backward body needs to have values of a forward step.
   * @param wanted names that it reads; those that are none of the forward body's are passed over
   * @returns nodes to be made again, slices to read, and other names for the values of the forward body
   */
  inBackward(wanted: Iterable<string>): {
    nodes: Node[];
    read: ReadBack[];
    names: ReadonlyMap<string, string>;
  } {
    const again = new Set<number>();
    const read: ReadBack[] = [];
    const names = new Map<string, string>();
    const rename = (name: string): string => {
      const renamed = this.builder.fresh(`${name}_again`);
      names.set(name, renamed);
      const known = this.c.known(name);
      if (known) this.c.describe(renamed, known);
      return renamed;
    };
    const pending = [...wanted];
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (names.has(name)) continue;
      const maker = this.makers.get(name);
      if (maker === undefined && !this.inputs.has(name)) continue;
      const node = maker === undefined ? undefined : this.forward[maker]!;
      if (node && (CHEAP.has(opKey(node)) || !this.changing.has(name))) {
        again.add(maker!);
        for (const output of node.output) if (output) rename(output);
        pending.push(...readBy(node));
      } else read.push({ name: rename(name), array: this.sliceOf(name) ?? this.keep(name) });
    }
    const nodes = [...again].sort((a, b) => a - b).map((index) => this.forward[index]!);
    return { nodes, read, names };
  }

  /** The input of the Scan that a value is a slice of. */
  private sliceOf(name: string): Scanned | undefined {
    const index = this.inputs.get(name);
    return index === undefined ? undefined : this.parts.inputs[index - this.parts.states.length];
  }

  private keep(name: string): Scanned {
    const known = this.kept.get(name);
    if (known) return known.array;
    const { c, builder, parts } = this;
    const outputs = parts.body.output.map((each) => each.name);
    const already = parts.outputs.find(
      (each, at) => each.name && !each.reversed && outputs[parts.states.length + at] === name,
    );
    if (already) {
      this.kept.set(name, { array: already, output: '' });
      return already;
    }
    const { type, dims } = c.type(name);
    const whole = c.describe(c.builder.fresh(`${name}_steps`), { type, dims: [this.steps, ...dims] });
    let output = name;
    if (!this.makers.has(name) || outputs.includes(name)) {
      const copy = builder.detached('Identity', [name], {}, { name: `${name}_kept` });
      this.nodes.push(copy);
      output = copy.output[0]!;
      c.describe(output, { type, dims });
    }
    const array: Scanned = { name: whole, axis: 0, reversed: false };
    this.kept.set(name, { array, output });
    return array;
  }
}
