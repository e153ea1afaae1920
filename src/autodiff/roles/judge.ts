import { opKey } from '../../onnx/domains.js';
import { isHalfPrecision } from '../../onnx/floats.js';
import type { Graph, Node, Tensor, ValueInfo } from '../../onnx/proto.js';
import { elementCount, isFloatingPoint, tensorDims } from '../../onnx/tensor.js';
import type { Origin } from '../prepare/fold-sources.js';
import { nonDifferentiable } from '../registry.js';
import {
  becomesAngle,
  entryValues,
  isAffine,
  isOfGroups,
  isOfMagnitude,
  isPreprocessing,
} from './context.js';
import { isMirrored, isPartOfBasis, isStackedBasis, PRODUCTS } from './fixed-filters.js';
import { isKnownNumber } from './known-numbers.js';
import { isReparametrised, type NameKind, type Naming, nameKind, namingOf, soundsComputed } from './names.js';
import { argumentName, type Call, callOf, declaredKind, foldedFrom } from './torch-metadata.js';
import { type Use, ValueFlow } from './uses.js';
import { floatValues, isUniform, type Table, tableOf } from './values.js';

/** What a tensor is, and why. */
export interface Verdict {
  readonly kind: 'parameter' | 'statistic' | 'constant';
  readonly reason: string;
  /** The file does not say; the kind is the likelier one. */
  readonly unsure?: boolean;
}

/** What a tensor of the file is. */
export interface TensorRole extends Verdict {
  /** Nodes that read its values, or those of views of it. */
  readonly nodes: number;
}

const parameter = (reason: string): Verdict => ({ kind: 'parameter', reason });
const constant = (reason: string): Verdict => ({ kind: 'constant', reason });
const unsure = (verdict: Verdict): Verdict => ({ ...verdict, unsure: true });
const unsureIf = (is: boolean, verdict: Verdict): Verdict => (is ? unsure(verdict) : verdict);

/** A floating-point tensor and what is evident of it alone. */
interface Evidence {
  readonly name: string;
  readonly dims: readonly number[];
  readonly values: Float32Array | Float64Array;
  readonly origin: Origin;
  readonly half: boolean;
  readonly named: NameKind;
  readonly uses: readonly Use[];
}

/** Elements of a table below which its values may be anybody's. */
const SMALLEST_TABLE = 9;

/** Tables that no training leaves, whatever reads them. */
const NEVER_LEARNED: ReadonlySet<Table> = new Set([
  'an attention mask',
  'a Fourier basis',
  'a filter bank',
  'consecutive integers',
  'sines and cosines',
]);

/**
 * Tells learned tensors from constants by how they are used, by their values, and by what the exporter wrote of them; names are
 * evidence among others.
 */
export class Judge {
  readonly flow: ValueFlow;
  private readonly infos: ReadonlyMap<string, ValueInfo>;
  private readonly naming: Naming;
  private readonly ownTypes: ReadonlyMap<string, number>;
  private ofFloats: ReadonlySet<string> | undefined;
  private weightsInConstants: boolean | undefined;
  private entry: ReadonlySet<string> | undefined;
  private frontEnd: ReadonlySet<string> | undefined;

  /** @param graph flat but for control flow, in evaluation form, constants as initializers; values of subgraphs have names of their own */
  constructor(
    graph: Graph,
    private readonly origins: ReadonlyMap<string, Origin>,
    {
      infos,
      ownTypes,
    }: { readonly infos: readonly ValueInfo[]; readonly ownTypes: ReadonlyMap<string, number> },
  ) {
    this.ownTypes = ownTypes;
    this.flow = new ValueFlow(graph);
    this.naming = namingOf(graph);
    this.infos = new Map(infos.map((info) => [info.name, info]));
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
    const evidence: Evidence = {
      name,
      dims,
      values: floatValues(tensor),
      half: isHalfPrecision(this.ownTypes.get(tensor.name ?? '') ?? type),
      origin: this.originOf(name),
      named: nameKind(name, this.naming),
      uses: read.filter(({ role }) => role !== 'setting'),
    };
    return (
      this.notLearned(evidence) ?? this.ofProgram(evidence) ?? this.ofTable(evidence) ?? this.ofUses(evidence)
    );
  }

  /** What ops must be given though nothing is learned there. */
  private notLearned({ name, dims, values, uses, named, origin }: Evidence): Verdict | undefined {
    // The tracing exporter's constants are no parameters; but nothing is multiplied by zero before it was learned.
    const isGate = values.length === 1 && values[0] === 0 && uses.some(({ node }) => node.opType === 'Mul');
    if (named === 'constant' && this.naming === 'traced' && !isGate)
      return constant('a constant of the exporter');
    if (!isUniform(values)) return undefined;
    if (values[0] === 0 && uses.length > 0 && uses.every((use) => this.isBiasOfFixed(use)))
      return unsureIf(named === 'parameter', constant('the bias of a fixed filter, zero'));
    const groups = uses.find(
      (use) =>
        isOfGroups(this.flow, use.node) ||
        (use.node.opType === 'InstanceNormalization' && this.calls(use)?.target === 'group_norm'),
    );
    if (groups) return constant(`what ${groups.node.opType} takes where nothing is learned`);
    const isState = ({ node, index }: Use) => RECURRENT.has(node.opType) && (index === 5 || index === 6);
    if (uses.some(isState) && uses.every(isState) && named !== 'parameter' && named !== 'member')
      return constant('the state that a recurrence starts from');
    // A matrix that one number fills is none that was learned.
    if (dims.length === 0 && named !== 'parameter' && uses.some(({ role }) => role === 'weight'))
      return constant('one number, repeated');
    const norm = uses.find(({ node, role }) => role === 'weight' && node.opType.endsWith('Normalization'));
    const madeUp =
      named === 'constant' || named === 'computed' || /(Tile|Expand)(_\d+)?_output_\d+$/.test(name);
    if (norm && (madeUp || (origin === 'constant' && (named === 'plain' || named === 'formula'))))
      return this.calls(norm)?.parameters.length
        ? undefined
        : constant(`what ${norm.node.opType} takes where nothing is learned`);
    return undefined;
  }

  /** Where the file has a tensor: a Constant node says nothing in a file that has its weights in such. */
  private originOf(name: string): Origin {
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

  private calls({ node }: Use): Call | undefined {
    return callOf(node);
  }

  /** What the exporter wrote of it. */
  private ofProgram({ name, uses, values, dims, named, origin }: Evidence): Verdict | undefined {
    const info = this.infos.get(name);
    const own = argumentName(name);
    const calls = uses.map((use) => this.calls(use));
    if (calls.some((call) => call?.parameters.includes(`p_${own}`)))
      return parameter("a parameter of the exporter's program");
    if (calls.some((call) => call?.buffers.includes(`b_${own}`)))
      return constant("a buffer of the exporter's program");
    const kinds = calls.map((call, index) => call && kindInCall(call, uses[index]!, this.flow, own));
    if (kinds.length > 0 && kinds.every((kind) => kind === 'inside'))
      return constant("a number of the exporter's own");
    const sources = info ? foldedFrom(info).map((source) => this.sourceKind(source)) : [];
    if (sources.includes('parameter')) return parameter('folded from a parameter, as the exporter notes');
    const isNumber = named === 'constant' && origin === 'constant';
    const declared = info && declaredKind(info);
    const isBuffer = declared === 'BUFFER' && uses.every(({ role }) => role === 'operand');
    if (kinds.includes('parameter') && !isNumber && !isBuffer)
      return parameter("a parameter of the exporter's program");
    // An optimizer that merges equal tensors leaves one's note on all: what the calls say wins.
    const isConstant = (kind: (typeof kinds)[number]) => kind === 'constant' || kind === 'inside';
    if (kinds.length > 0 && kinds.every(isConstant) && !sources.includes('member'))
      return constant("a number or buffer of the exporter's program");
    if (sources.includes('member') && !soundsComputed(name) && tableOf(values, dims) === undefined)
      return parameter('folded from a member of the module, as the exporter notes');
    if (sources.length > 0 && !sources.includes('member'))
      return constant('computed by the exporter of constants');
    if (declared === 'PARAMETER') return parameter("a parameter of the exporter's program");
    if (declared === 'BUFFER') return constant("a buffer of the exporter's program");
    if (declared === 'CONSTANT_TENSOR') return constant("a constant of the exporter's program");
    return undefined;
  }

  /** What a value is that another was folded from. */
  private sourceKind(name: string): NameKind {
    return soundsComputed(name) ? 'computed' : nameKind(name, this.naming);
  }

  /** What its values say. */
  private ofTable(evidence: Evidence): Verdict | undefined {
    const { name, dims, values, named, uses, origin } = evidence;
    if (origin === 'filled') return undefined;
    if (named === 'computed') return constant('a table that the exporter computed');
    const table = tableOf(values, dims);
    const filter = this.ofFilter(evidence);
    if (filter) return filter;
    const isVector = dims.filter((dim) => dim > 1).length < 2 && table !== 'an attention mask';
    if (isVector && uses.some((use) => isAffine(this.flow, use) || use.role === 'weight')) return undefined;
    if (table !== undefined && NEVER_LEARNED.has(table)) {
      const verdict = constant(table);
      return named === 'parameter' && table === 'sines and cosines' ? unsure(verdict) : verdict;
    }
    const isAngle =
      uses.length > 0 && uses.every(({ value }) => becomesAngle(this.flow, value, this.floats()));
    if (isAngle && named !== 'parameter') {
      if (table === 'a geometric sequence' || isUniform(values))
        return constant('a frequency of computed positions');
      if (named === 'constant') return constant('a constant of computed positions');
    }
    if (table === 'a geometric sequence' && isReparametrised(name)) return constant(table);
    if (table === undefined || named === 'parameter') return undefined;
    const isOfModule = named === 'member' || named === 'folded';
    if (isOfModule && uses.every(({ node }) => REPARAMETRISING.has(node.opType))) return undefined;
    if (uses.some(({ node }) => RECURRENT.has(node.opType))) return undefined;
    if (
      table === 'the same kernel for every channel' &&
      !uses.every(({ node }) => node.opType.startsWith('Conv'))
    )
      return undefined;
    // What integers choose from a table that was learned is such, once it is computed beforehand.
    if (table === 'a few values, repeated' && named === 'folded')
      return unsure(parameter('chosen from a table'));
    const isData = ({ node, index }: Use) => node.opType === 'MatMul' && index === 0 && dims.length > 2;
    if (table === 'a few values, repeated' && uses.some((use) => use.role === 'weight' && !isData(use)))
      return undefined;
    const verdict = constant(table);
    const isFew = values.length < SMALLEST_TABLE;
    const isWeight = uses.some(({ role }) => role === 'weight');
    const likely =
      table === 'zeros and ones'
        ? named === 'member' && isWeight
        : (isFew && (named === 'plain' || named === 'member')) || (named === 'plain' && isWeight);
    if (likely && !soundsComputed(name)) return unsure(parameter(`${table}, in the place of a weight`));
    return named === 'member' && !soundsComputed(name) ? unsure(verdict) : verdict;
  }

  /** What is multiplied with a signal: parts of a transform's basis, filters that resample or smooth. */
  private ofFilter({ values, dims, named, uses }: Evidence): Verdict | undefined {
    const weights = uses.filter(({ node, role }) => role === 'weight' && PRODUCTS.has(node.opType));
    if (weights.length === 0 || weights.length < uses.length || isUniform(values)) return undefined;
    if (weights.some((use) => isPartOfBasis(this.flow, values, dims, use)))
      return constant('a part of a Fourier basis');
    if (isStackedBasis(values, dims)) return constant('a Fourier basis');
    if (weights.every(({ node }) => node.opType === 'Conv') && isMirrored(values, dims))
      return unsureIf(
        named === 'parameter' || (dims[0] ?? 1) * (dims[1] ?? 1) > 1,
        constant('a filter that equals its mirror image'),
      );
    return undefined;
  }

  /** Whether a use is the bias of a product whose weight is a constant. */
  private isBiasOfFixed({ node, index, role }: Use): boolean {
    return role === 'weight' && index === 2 && PRODUCTS.has(node.opType) && this.isFixed(node);
  }

  private isFixed({ input }: Node): boolean {
    const weights = input.slice(0, 2).flatMap((name) => this.flow.tensors.get(name) ?? []);
    return weights.length === 1 && this.verdict(weights[0]!).kind === 'constant';
  }

  /** Values before which nothing was learned. */
  private atEntry(): ReadonlySet<string> {
    this.entry ??= entryValues(this.flow);
    return this.entry;
  }

  /** Those, and what transforms of signals make of them. */
  private inFrontEnd(): ReadonlySet<string> {
    this.frontEnd ??= entryValues(this.flow, (node) => this.isFixed(node));
    return this.frontEnd;
  }

  /** What its uses say, with its name and whether it is one number. */
  private ofUses(evidence: Evidence): Verdict {
    const { name, values, half, origin, named, uses } = evidence;
    const weight = uses.find(({ role }) => role === 'weight');
    if (origin === 'filled') return parameter('a weight that one number fills');
    if (weight) return asWeight(evidence, weight);
    const [use] = uses;
    if (!use) return constant('a tensor that nothing reads');
    const what = `an operand of ${use.node.opType}`;
    if (named === 'parameter') return parameter(`${what}, named as weights are`);
    const sounds = soundsComputed(name);
    const atEntry = uses.find((each) => isPreprocessing(this.flow, each, this.atEntry()));
    const isTaken = atEntry?.node.opType === 'Sub' || atEntry?.node.opType === 'Div';
    if (atEntry && (named !== 'member' || sounds) && (named !== 'folded' || isTaken)) {
      const verdict = constant('arithmetic with an input: preprocessing');
      if (sounds || named !== 'plain' || isKnownNumber(values[0]!, half)) return verdict;
      return unsure(isTaken ? verdict : parameter(what));
    }
    if (named !== 'member') {
      const inFront = uses.find((each) => isPreprocessing(this.flow, each, this.inFrontEnd()));
      if (inFront && isOfMagnitude(this.flow, inFront))
        return constant('a scale of a transform whose magnitude is taken');
      const isTakenThere = inFront?.node.opType === 'Sub' || inFront?.node.opType === 'Div';
      if (isTakenThere && !(values.length === 1 && isKnownNumber(values[0]!, half)))
        return unsure(constant('taken off or divided by before anything learned'));
    }
    if (sounds) return unsure(constant(`${what}, called as constants are`));
    if (named === 'member') {
      const member = parameter(`${what}, a member of the module`);
      const isTyped =
        values[0] !== neutralOf(use.node) && values.every((value: number) => isKnownNumber(value, half));
      if (!isTyped) return member;
      const isNumber = values.length === 1 && (this.naming === 'unknown' || use.node.opType === 'Pow');
      return unsure(isNumber ? constant('a scalar of a formula') : member);
    }
    if (values.length === 1) return this.asScalar(evidence, use);
    if (named === 'folded') return parameter(`${what}, folded from a parameter`);
    const madeUp = named === 'constant' || named === 'formula' || origin === 'constant';
    if (!madeUp || !isUniform(values)) return parameter(what);
    const affine = uses.find((each) => isAffine(this.flow, each));
    const kept = origin === 'constant' ? affine : uses.find(({ node }) => values[0] === neutralOf(node));
    return kept && values[0] === neutralOf(kept.node)
      ? unsure(parameter(`an operand of ${kept.node.opType}, as before training`))
      : constant('one number, repeated');
  }

  private asScalar({ dims, values, half, origin, named, uses }: Evidence, { node }: Use): Verdict {
    const value = values[0]!;
    const what = `a scalar operand of ${node.opType}`;
    const known = isKnownNumber(value, half);
    // What an exporter makes of a number has at most one axis; more come from a folded parameter.
    if ((named === 'folded' || (named === 'constant' && origin !== 'constant')) && dims.length >= 2) {
      const verdict = parameter(`${what}, folded from a parameter`);
      const isGate = value === 0 && node.opType === 'Mul';
      const isNumber = known && value !== neutralOf(node) && !isGate;
      if (isNumber && this.naming !== 'traced') return constant('a scalar of a formula');
      return isNumber ? unsure(verdict) : verdict;
    }
    if (named === 'folded' && uses.every((use) => REPARAMETRISING.has(use.node.opType)))
      return unsure(parameter(`${what}, kept in bounds by it`));
    if (named === 'formula') return constant('a scalar of a formula');
    if (value === 0 && node.opType === 'Mul') return unsure(parameter(`${what}, zero as before training`));
    const affine = uses.some((use) => isAffine(this.flow, use));
    const madeUp = named === 'constant' || origin === 'constant';
    if (known) {
      const untrained = affine && dims.length > 0 && value === neutralOf(node) && !madeUp;
      return untrained
        ? unsure(parameter(`${what} after a product, as before training`))
        : constant('a scalar of a formula');
    }
    if (affine) return unsure(parameter(`${what} after a product, and no number that formulas have`));
    return unsure(madeUp ? constant('a scalar folded into arithmetic') : parameter(what));
  }

  /** Values that depend on floating-point inputs, or on tables that integers choose from. */
  private floats(): ReadonlySet<string> {
    this.ofFloats ??= dependOnFloats(this.flow);
    return this.ofFloats;
  }
}

function asWeight({ values, named, origin }: Evidence, { node, index }: Use): Verdict {
  const op = node.opType;
  const isProduct = op === 'MatMul' || (index < 2 && (op === 'Gemm' || op.startsWith('Conv')));
  const isNamed = named === 'parameter' || named === 'member' || named === 'folded';
  if (isProduct && isUniform(values) && values[0] !== 0 && !isNamed) {
    const verdict = constant('one number, repeated');
    return named === 'plain' && origin !== 'constant' ? unsure(verdict) : verdict;
  }
  return parameter(`a weight of ${op}`);
}

/** What an addition or a multiplication has before anything was learned. */
const neutralOf = ({ opType }: Node): number => (opType === 'Mul' || opType === 'Div' ? 1 : 0);

/** Functions that keep a learned value in bounds: of constants, they would have been computed beforehand. */
const REPARAMETRISING = new Set(['Exp', 'Sigmoid', 'Softplus', 'Tanh']);

const RECURRENT = new Set(['LSTM', 'GRU', 'RNN']);

/** PyTorch's functions that are one node each: the node's tensors are the call's arguments. */
const ELEMENTARY = new Set([
  'add',
  'addmm',
  'bmm',
  'cat',
  'conv1d',
  'conv2d',
  'div',
  'linear',
  'matmul',
  'mm',
  'mul',
  'pow',
  'sub',
  'where',
]);

/** What a tensor is to the call that its reader came of: 'inside' where it is no argument; undefined where it may be any. */
function kindInCall(
  { target, parameters, buffers, constants, others }: Call,
  { node, role }: Use,
  flow: ValueFlow,
  own: string,
): 'parameter' | 'constant' | 'inside' | undefined {
  if (parameters.length > 0) {
    if (role === 'weight') return 'parameter';
    return ELEMENTARY.has(target) && buffers.length + constants.length === 0 ? 'parameter' : undefined;
  }
  // A fused product has the note of one of its parts.
  if (role === 'weight' && !node.opType.endsWith('Normalization')) return undefined;
  if (others.some((other) => other === own)) return undefined;
  // A value that is none of this graph's may be a view of a parameter that was folded away.
  const data = node.input.filter((name) => flow.dependsOnData(name));
  const isData = (other: string) =>
    flow.dependsOnData(other) || data.some((name) => argumentName(name) === other);
  if (buffers.length + constants.length === 0 && others.length <= data.length) return 'inside';
  return others.every(isData) ? 'constant' : undefined;
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
