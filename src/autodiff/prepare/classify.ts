import { FlatminError } from '../../errors.js';
import { opKey } from '../../onnx/domains.js';
import type { Graph, Tensor } from '../../onnx/proto.js';
import { dataTypeName, elementCount, isFloatingPoint, tensorData, tensorDims } from '../../onnx/tensor.js';
import { nonDifferentiable } from '../registry.js';
import type { Origin } from './fold-sources.js';
import { type Pattern, patternMatches } from './pattern.js';
import { readBy } from './rename.js';
import { readers, type Use, usesOf } from './weight-roles.js';

export type Kind = 'parameter' | 'frozen' | 'statistic' | 'constant';

/** What an initializer is to training, and why. */
export interface Classified {
  readonly name: string;
  readonly dims: readonly number[];
  /** ONNX element type. */
  readonly type: number;
  readonly kind: Kind;
  readonly reason: string;
}

export interface ClassifyOptions {
  /** Initializers to train that would otherwise count as constants. With it, weights that it does not match are frozen. */
  train?: Pattern | readonly Pattern[] | undefined;
  /** Parameters to leave as they are; wins over `train`. */
  freeze?: Pattern | readonly Pattern[] | undefined;
}

/**
 * Says of each initializer whether it is trained. Parameters are float32 initializers that reach the loss through differentiable ops,
 * but for running statistics, settings of ops, scalars folded into arithmetic, attention masks and tables that are computed.
 * @param losses the values that the loss is taken of
 * @throws FlatminError INVALID_ARGUMENT where a pattern matches nothing that can be trained; INVALID_MODEL for half-precision, double or
 * quantised weights that `train` asks for
 */
export function classify(
  graph: Graph,
  losses: readonly string[],
  origins: ReadonlyMap<string, Origin> = new Map(),
  options: ClassifyOptions = {},
): Classified[] {
  const reading = readers(graph);
  const reaching = reachLoss(graph, losses);
  const floatData = dependOnFloatData(graph);
  const train = patterns(options.train);
  const freeze = patterns(options.freeze);
  const used = new Set<Pattern>();
  const matched = (list: readonly Pattern[], name: string): boolean => {
    const hits = list.filter((pattern) => patternMatches(pattern, name));
    for (const hit of hits) used.add(hit);
    return hits.length > 0;
  };

  const classified = graph.initializer.map((tensor): Classified => {
    const name = tensor.name ?? '';
    const type = tensor.dataType ?? 0;
    const make = (kind: Kind, reason: string): Classified => ({
      name,
      dims: tensorDims(tensor),
      type,
      kind,
      reason,
    });
    const uses = usesOf(name, reading);
    const asked = matched(train, name);
    const refused = matched(freeze, name);
    const hindrance = cannotTrain(tensor, uses, reaching.has(name));
    if (hindrance) {
      if (asked && !refused) throw notTrainable(name, hindrance.reason);
      return make(hindrance.kind, hindrance.reason);
    }
    if (refused) return make('frozen', 'matches a freeze pattern');
    if (asked) return make('parameter', 'matches a train pattern');
    const constant = looksConstant(tensor, uses, origins.get(name) ?? 'initializer', reading, floatData);
    if (constant) return make('constant', constant);
    if (train.length > 0) return make('frozen', 'matches no train pattern');
    const weight = uses.find(({ role }) => role === 'weight');
    return make(
      'parameter',
      `a float32 ${weight ? `weight of ${weight.node.opType}` : 'operand'} that reaches the loss`,
    );
  });
  const idle = [...train, ...freeze].find((pattern) => !used.has(pattern));
  if (idle !== undefined) {
    const names = classified.filter(({ kind }) => kind === 'parameter' || kind === 'frozen');
    const shown = names.slice(0, 5).map((each) => each.name);
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `The pattern ${String(idle)} matches no initializer; there are ${shown.join(', ')}${names.length > 5 ? ', …' : ''}.`,
    );
  }
  return classified;
}

const patterns = (given: Pattern | readonly Pattern[] | undefined): readonly Pattern[] =>
  given === undefined ? [] : typeof given === 'string' || given instanceof RegExp ? [given] : given;

function notTrainable(name: string, reason: string): FlatminError {
  return new FlatminError('INVALID_ARGUMENT', `"${name}" cannot be trained: it is ${reason}.`);
}

/** Why an initializer cannot be trained whatever the user asks. */
function cannotTrain(
  tensor: Tensor,
  uses: readonly Use[],
  reachesLoss: boolean,
): { kind: Kind; reason: string } | undefined {
  const type = tensor.dataType ?? 0;
  if (uses.some(({ role }) => role === 'statistic'))
    return { kind: 'statistic', reason: 'a running statistic of BatchNormalization' };
  if (!isFloatingPoint(type)) return { kind: 'constant', reason: describeInteger(type, uses) };
  if (elementCount(tensorDims(tensor)) === 0) return { kind: 'constant', reason: 'empty' };
  if (uses.length > 0 && uses.every(({ role }) => role === 'setting'))
    return { kind: 'constant', reason: `a setting of ${uses[0]!.node.opType}, not an operand` };
  if (!reachesLoss)
    return { kind: 'constant', reason: 'a value that does not reach the loss through differentiable ops' };
  return undefined;
}

function describeInteger(type: number, uses: readonly Use[]): string {
  const name = dataTypeName(type);
  const quantised = uses.find(({ node }) => /quantize|QLinear|Integer|MatMulNBits/i.test(node.opType));
  if (quantised?.role === 'setting') return `a zero point (${name}) of ${quantised.node.opType}`;
  if (quantised)
    return `a quantised weight (${name}) of ${quantised.node.opType}; train the float32 model it was made from`;
  return `of type ${name}, which has no gradient`;
}

/** Values that the losses depend on through differentiable ops. */
function reachLoss(graph: Graph, losses: readonly string[]): Set<string> {
  const reached = new Set(losses);
  for (const node of [...graph.node].reverse()) {
    if (nonDifferentiable.has(opKey(node)) || !node.output.some((name) => reached.has(name))) continue;
    for (const name of readBy(node)) reached.add(name);
  }
  return reached;
}

/** Values that depend on the floating-point inputs of the graph. */
function dependOnFloatData(graph: Graph): Set<string> {
  const found = new Set(
    graph.input
      .filter(({ type }) => isFloatingPoint(type?.tensorType?.elemType ?? 0))
      .map(({ name }) => name),
  );
  for (const node of graph.node) {
    if (nonDifferentiable.has(opKey(node))) continue;
    const follows = opKey(node) === 'Gather' || node.input.some((name) => found.has(name));
    if (follows) for (const name of node.output) found.add(name);
  }
  return found;
}

/** Names that exporters make up for values that no one named. */
const MADE_UP =
  /^(val_\d+|\d+|.*Constant(_\d+)?_output_\d+|.*[Cc]onst(_fold_opt_)?_*\d*(:0)?|_?tensor_constant\d*|.*\/raised_\d+)$/;
/** Names that exporters give to tables they computed while exporting (PyTorch's op names). */
const COMPUTED =
  /^(arange|cos|full|full_like|linspace|logical_\w+|masked_fill|ones|ones_like|scalar_tensor(_default)?|sin|tril|triu|where|zeros|zeros_like)(_\d+)?$/;
/** Names of scalars that are numbers of the formula, or that the exporter took from its own op. */
const SCALAR_OF_FORMULA =
  /(^|[._/])(_to_copy|add|clone|const\w*|detach|div|eps|epsilon|half|lift_fresh\w*|mul|neg|one|pow|reciprocal|rsqrt|scalar\w*|sqrt|sub|two|zero|[xy])(_\d+)?(:0)?$/i;
/** What masks hold at most: a softmax makes less than float32's rounding of it. Swin's windows have -100. */
const MASK_BELOW = -50;

/** Why a trainable tensor is more likely a constant; undefined for weights. */
function looksConstant(
  tensor: Tensor,
  uses: readonly Use[],
  origin: Origin,
  reading: ReturnType<typeof readers>,
  floatData: ReadonlySet<string>,
): string | undefined {
  const name = tensor.name ?? '';
  const count = elementCount(tensorDims(tensor));
  const isScalar = count === 1;
  const madeUp = origin === 'constant' || MADE_UP.test(name);
  if (origin === 'filled') return undefined;
  const asWeight = uses.find(({ role }) => role === 'weight')?.node.opType;
  const ofNorm = asWeight?.endsWith('Normalization');
  if (ofNorm && madeUp && isUniform(tensorData(tensor) as Float32Array))
    return `what ${asWeight} takes where nothing is learned`;
  if (asWeight && !(isScalar && madeUp && /Gemm|MatMul/.test(asWeight))) return undefined;
  if (isScalar) {
    // What an exporter makes of a number has at most one axis; more come from a folded parameter.
    return (madeUp && tensorDims(tensor).length < 2) || COMPUTED.test(name) || SCALAR_OF_FORMULA.test(name)
      ? 'a scalar folded into arithmetic'
      : undefined;
  }
  if (COMPUTED.test(name)) return 'a table that the exporter computed';
  if (onlyAngles(name, reading, floatData)) return 'a constant of computed positions';
  const values = tensorData(tensor) as Float32Array;
  if (tensorDims(tensor).length >= 2 && isMask(values)) return 'an attention mask';
  if (origin === 'constant' && isUniform(values)) return 'one number, repeated';
  return undefined;
}

const isUniform = (values: Float32Array): boolean => values.every((value) => value === values[0]);

/** Nothing but zeros and numbers that a softmax turns into zero. */
function isMask(values: Float32Array): boolean {
  return (
    values.every((value) => value === 0 || value <= MASK_BELOW) && values.some((value) => value <= MASK_BELOW)
  );
}

const ANGLE_OPS = new Set([
  'Add',
  'Cast',
  'Concat',
  'Div',
  'Einsum',
  'Expand',
  'MatMul',
  'Mul',
  'Reshape',
  'Transpose',
  'Unsqueeze',
  'Identity',
  'Squeeze',
  'Slice',
]);

/** Every path leads, by way of integers (positions) alone, to a sine or cosine. */
function onlyAngles(
  name: string,
  reading: ReturnType<typeof readers>,
  floatData: ReadonlySet<string>,
  depth = 0,
): boolean {
  const uses = reading.get(name) ?? [];
  return (
    depth < 16 &&
    uses.length > 0 &&
    uses.every(({ node }) => {
      if (floatData.has(node.output[0] ?? '')) return false;
      if (node.opType === 'Sin' || node.opType === 'Cos') return true;
      return ANGLE_OPS.has(node.opType) && onlyAngles(node.output[0]!, reading, floatData, depth + 1);
    })
  );
}
