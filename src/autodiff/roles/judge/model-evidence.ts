import { opKey } from '../../../onnx/domains.js';
import type { Graph, Node, ValueInfo } from '../../../onnx/proto.js';
import { isFloatingPoint, tensorDims } from '../../../onnx/tensors/tensor.js';
import type { Origin } from '../../prepare/fold-sources.js';
import { nonDifferentiable } from '../../registry.js';
import { entryValues } from '../context.js';
import { type Naming, namingOf } from '../names.js';
import { ValueFlow } from '../uses.js';
import { floatValues, isUniform, tableOf } from '../values.js';

/** What is evident of a whole model, found when it is asked for. */
export class ModelEvidence {
  readonly flow: ValueFlow;
  readonly naming: Naming;
  readonly infos: ReadonlyMap<string, ValueInfo>;
  private ofFloats: ReadonlySet<string> | undefined;
  private weightsInConstants: boolean | undefined;
  private entry: ReadonlySet<string> | undefined;
  private frontEnd: ReadonlySet<string> | undefined;

  /**
   * @param graph flat but for control flow, in evaluation form, constants as initializers; values of subgraphs have names of their own
   * @param isFixed whether a product's weight is a constant
   */
  constructor(
    graph: Graph,
    private readonly origins: ReadonlyMap<string, Origin>,
    infos: readonly ValueInfo[],
    readonly isFixed: (node: Node) => boolean,
  ) {
    this.flow = new ValueFlow(graph);
    this.naming = namingOf(graph);
    this.infos = new Map(infos.map((info) => [info.name, info]));
  }

  /** Where the file has a tensor: a Constant node says nothing in a file that has its weights in such. */
  originOf(name: string): Origin {
    const origin = this.origins.get(name) ?? 'initializer';
    return origin === 'constant' && this.hasWeightsInConstants() ? 'initializer' : origin;
  }

  /** Whether a product's weights, with the values that a training leaves, are in a Constant node. */
  private hasWeightsInConstants(): boolean {
    this.weightsInConstants ??= [...this.flow.tensors].some(([name, tensor]) => {
      const dims = tensorDims(tensor);
      if (this.origins.get(name) !== 'constant' || dims.length < 2 || !isFloatingPoint(tensor.dataType ?? 0))
        return false;
      const isWeight = this.flow
        .uses(name)
        .some(({ node, role }) => role === 'weight' && !node.opType.endsWith('Normalization'));
      if (!isWeight) return false;
      const values = floatValues(tensor);
      return !isUniform(values) && tableOf(values, dims) === undefined;
    });
    return this.weightsInConstants;
  }

  /** Values before which nothing was learned. */
  atEntry(): ReadonlySet<string> {
    this.entry ??= entryValues(this.flow);
    return this.entry;
  }

  /** Those, and what transforms of signals make of them. */
  inFrontEnd(): ReadonlySet<string> {
    this.frontEnd ??= entryValues(this.flow, (node) => this.isFixed(node));
    return this.frontEnd;
  }

  /** Values that depend on floating-point inputs, or on tables that integers choose from. */
  floats(): ReadonlySet<string> {
    this.ofFloats ??= dependOnFloats(this.flow);
    return this.ofFloats;
  }
}

function dependOnFloats(flow: ValueFlow): ReadonlySet<string> {
  const found = new Set(
    flow.graph.input
      .filter(({ type }) => isFloatingPoint(type?.tensorType?.elemType ?? 0))
      .map(({ name }) => name),
  );
  for (const node of flow.nodes) {
    if (nonDifferentiable.has(opKey(node))) continue;
    const follows = opKey(node) === 'Gather' || node.input.some((name) => found.has(name));
    if (follows) for (const name of node.output) found.add(name);
  }
  return found;
}
