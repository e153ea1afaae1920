import type { Graph, Node, Tensor, ValueInfo } from '../../../onnx/proto.js';
import { isHalfPrecision } from '../../../onnx/tensors/floats.js';
import { elementCount, isFloatingPoint, tensorDims } from '../../../onnx/tensors/tensor.js';
import type { Origin } from '../../prepare/fold-sources.js';
import { nameKind } from '../names.js';
import type { ValueFlow } from '../uses.js';
import { floatValues } from '../values.js';
import { ModelEvidence } from './model-evidence.js';
import { notLearned } from './not-learned.js';
import { ofProgram } from './of-program.js';
import { ofTable } from './of-table.js';
import { ofUses } from './of-uses.js';
import { constant, type TensorEvidence, type Verdict } from './verdict.js';

/** Each has the say where those before it have none; the uses have the last. */
const JUDGES: readonly ((model: ModelEvidence, tensor: TensorEvidence) => Verdict | undefined)[] = [
  notLearned,
  ofProgram,
  ofTable,
];

/**
 * Tells learned tensors from constants by how they are used, by their values, and by what the exporter wrote of them; names are
 * evidence among others.
 */
export class Judge {
  private readonly model: ModelEvidence;
  private readonly ownTypes: ReadonlyMap<string, number>;

  /** @param graph flat but for control flow, in evaluation form, constants as initializers; values of subgraphs have names of their own */
  constructor(
    graph: Graph,
    origins: ReadonlyMap<string, Origin>,
    {
      infos,
      ownTypes,
    }: { readonly infos: readonly ValueInfo[]; readonly ownTypes: ReadonlyMap<string, number> },
  ) {
    this.ownTypes = ownTypes;
    this.model = new ModelEvidence(graph, origins, infos, (node) => this.isFixed(node));
  }

  /** How values flow through the graph. */
  get flow(): ValueFlow {
    return this.model.flow;
  }

  /** @param called what the file calls the tensor; default its name */
  verdict(tensor: Tensor, called = tensor.name ?? ''): Verdict {
    const name = called;
    const uses = this.flow.uses(tensor.name ?? '');
    const statistic = uses.find(({ role }) => role === 'statistic');
    if (statistic) return { kind: 'statistic', reason: `a running statistic of ${statistic.node.opType}` };
    const dims = tensorDims(tensor);
    const type = tensor.dataType ?? 0;
    if (!isFloatingPoint(type)) return constant('of a type that has no gradient');
    if (elementCount(dims) === 0) return constant('empty');
    const read = uses.filter(({ role }) => role !== 'form');
    if (read.length > 0 && read.every(({ role }) => role === 'setting'))
      return constant(`a setting of ${read[0]!.node.opType}, not an operand`);
    const evidence: TensorEvidence = {
      name,
      dims,
      values: floatValues(tensor),
      half: isHalfPrecision(this.ownTypes.get(tensor.name ?? '') ?? type),
      origin: this.model.originOf(name),
      named: nameKind(name, this.model.naming),
      uses: read.filter(({ role }) => role !== 'setting'),
    };
    for (const judge of JUDGES) {
      const verdict = judge(this.model, evidence);
      if (verdict) return verdict;
    }
    return ofUses(this.model, evidence);
  }

  private isFixed({ input }: Node): boolean {
    const weights = input.slice(0, 2).flatMap((name) => this.flow.tensors.get(name) ?? []);
    return weights.length === 1 && this.verdict(weights[0]!).kind === 'constant';
  }
}
