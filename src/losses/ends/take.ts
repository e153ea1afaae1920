import { FlatminError } from '../../errors.js';
import { describeNode } from '../../onnx/attributes.js';
import { dataTypeName, isFloatingPoint } from '../../onnx/tensors/tensor.js';
import type { LossScope, LossValue } from '../loss.js';
import { type End, type EndKind, findEnd } from './find-end.js';
import { moveAxis } from './move-axis.js';

/** What a loss takes in an output's stead. */
export interface Taken {
  readonly value: LossValue;
  /** Axis of the classes, where the end of the model tells it. */
  readonly axis?: number | undefined;
}

const AS_IS = 'or take the output as it is (outputAsIs, --output-as-is)';

/**
 * The logits of classes behind an output: what its softmax or sigmoid is taken of, laid out as the output. An output without such an end is
 * taken for logits.
 * @throws FlatminError INVALID_MODEL where the output cannot be that of a classifier
 */
export function takeClassLogits(scope: LossScope, loss: string, name?: string): Taken {
  const output = scope.output(name);
  const end = endOf(scope, output);
  if (!end) {
    requireScores(loss, output);
    return { value: output };
  }
  if (end.kind === 'labels') return takeClassLogits(...scoresOf(scope, loss, output, end));
  if (end.kind === 'probabilities')
    throw misfit(loss, output, end, 'are no distribution over classes', 'take bce with targets in [0, 1]');
  const isPair = end.kind === 'complements' || end.kind === 'flipped-complements';
  const axis = classAxis(scope, loss, output, end);
  if (!isPair && output.dims[axis ?? 1] === 1) {
    throw misfit(
      loss,
      output,
      end,
      'has one number a sample, of which a softmax is always 1',
      'take binary cross-entropy (bce) with targets in [0, 1]',
    );
  }
  const value = isPair ? pairLogits(scope, output, end, 0.5) : classLogits(scope, output, end);
  tell(scope, loss, output, end, value, end.kind === 'sigmoid' ? (axis ?? 1) : axis);
  return { value, axis };
}

/**
 * The logits of yes and no behind an output, one each.
 * @throws FlatminError INVALID_MODEL where the output is of another kind
 */
export function takeBinaryLogits(scope: LossScope, loss: string, name?: string): Taken {
  const output = scope.output(name);
  const end = endOf(scope, output);
  if (!end) return { value: output };
  switch (end.kind) {
    case 'sigmoid': {
      const value = before(scope, output, end);
      tell(scope, loss, output, end, value);
      return { value };
    }
    case 'complements':
    case 'flipped-complements': {
      const value = pairLogits(scope, output, end, 1);
      tell(scope, loss, output, end, value);
      return { value };
    }
    case 'softmax': {
      const axis = classAxis(scope, loss, output, end);
      if (axis !== undefined && output.dims[axis] === 2) {
        const logits = before(scope, output, end);
        const { builder } = scope;
        const other = builder.op('Gather', [logits.name, builder.ints([1, 0])], { axis });
        const value = { ...logits, name: builder.op('Sub', [logits.name, other]) };
        tell(scope, loss, output, end, value, axis, `the differences of "${end.input}"`);
        return { value };
      }
      const classes = axis === undefined ? 'several' : output.dims[axis];
      throw misfit(
        loss,
        output,
        end,
        `shares 1 among ${classes} classes, and is no yes or no of each`,
        'take cross-entropy with labels',
      );
    }
    case 'probabilities': {
      const value = logOdds(scope, output);
      tell(scope, loss, output, end, value, undefined, `the log odds of "${output.name}"`);
      return { value };
    }
    case 'distribution':
      throw misfit(loss, output, end, 'shares 1 among classes', 'take cross-entropy with labels');
    case 'labels':
      throw misfit(loss, output, end, 'has no gradient', 'take cross-entropy, which finds the scores');
    default:
      throw misfit(loss, output, end, 'is made of logarithms', 'take nll with labels, or mse with targets');
  }
}

/**
 * The log probabilities of classes that an output is, or is made of.
 * @throws FlatminError INVALID_MODEL where it cannot be log probabilities
 */
export function takeLogProbabilities(scope: LossScope, loss: string, name?: string): Taken {
  const output = scope.output(name);
  const end = endOf(scope, output);
  if (!end) {
    requireScores(loss, output);
    doubt(scope, loss, output);
    return { value: output };
  }
  const others = 'take bce with targets in [0, 1]';
  switch (end.kind) {
    case 'log-softmax':
      if (end.node.opType === 'LogSoftmax' && end.node.output[0] === output.name)
        return { value: output, axis: classAxis(scope, loss, output, end) };
      break;
    case 'log-distribution':
      return { value: output, axis: classAxis(scope, loss, output, end) };
    case 'sigmoid':
      throw misfit(loss, output, end, 'holds a probability of each class, no logarithm', others);
    case 'probabilities':
      throw misfit(loss, output, end, 'are no logarithms', others);
    case 'log-sigmoid':
      throw misfit(loss, output, end, 'holds logarithms that add up to no distribution over classes', others);
    case 'labels':
      return takeLogProbabilities(...scoresOf(scope, loss, output, end));
    default:
  }
  const isPair = end.kind === 'complements' || end.kind === 'flipped-complements';
  const axis = classAxis(scope, loss, output, end);
  const logits = isPair ? pairLogits(scope, output, end, 0.5) : classLogits(scope, output, end);
  if (end.kind === 'distribution') {
    tell(scope, loss, output, end, logits, axis);
    return { value: logits, axis };
  }
  const value = { ...logits, name: scope.builder.op('LogSoftmax', [logits.name], { axis: axis ?? -1 }) };
  tell(scope, loss, output, end, value, axis, `the log softmax of "${end.input}"`);
  return { value, axis };
}

/** The default output; where it tells the largest of some scores, these. */
export function takeScores(scope: LossScope): LossValue {
  const output = scope.output();
  const end = isFloatingPoint(output.type) ? undefined : endOf(scope, output);
  return (end?.kind === 'labels' && scope.find(end.input)) || output;
}

const endOf = (scope: LossScope, { name }: LossValue): End | undefined =>
  scope.asIs ? undefined : findEnd(scope.builder.graph, name);

/** The same for the scores whose largest an output tells. */
function scoresOf(scope: LossScope, loss: string, output: LossValue, end: End): [LossScope, string, string] {
  const scores = scope.find(end.input);
  if (!scores || !isFloatingPoint(scores.type))
    throw misfit(
      loss,
      output,
      end,
      'has no gradient, and no scores are found',
      'choose the output of scores',
    );
  scope.tell(
    `${loss}: the output "${output.name}" tells the largest of "${end.input}", which is taken instead.`,
  );
  return [scope, loss, end.input];
}

/** Numbers whose softmax is what comes out. */
function classLogits(scope: LossScope, output: LossValue, end: End): LossValue {
  if (end.kind === 'log-distribution') return output;
  if (end.kind !== 'distribution') return before(scope, output, end);
  const { builder } = scope;
  const positive = builder.op('Clip', [output.name, builder.scalar(SMALLEST, output.type)]);
  return { ...output, name: builder.op('Log', [positive]) };
}

/** log p − log(1 − p) */
function logOdds({ builder }: LossScope, output: LossValue): LossValue {
  const { name, type } = output;
  const bounds = [SMALLEST, LARGEST].map((bound) => builder.scalar(bound, type));
  const p = builder.op('Clip', [name, ...bounds]);
  const rest = builder.op('Sub', [builder.scalar(1, type), p]);
  return { ...output, name: builder.op('Sub', [builder.op('Log', [p]), builder.op('Log', [rest])]) };
}

/** What goes into the end of a model, laid out as what comes out. */
function before(scope: LossScope, output: LossValue, end: End): LossValue {
  const input = scope.find(end.input);
  const name = laidOut(scope, end.input, end.after);
  return { name, type: input?.type ?? output.type, dims: output.dims };
}

/** ±z·scale side by side, whose softmax (scale ½) or sigmoid (scale 1) is what comes out. */
function pairLogits(scope: LossScope, output: LossValue, end: End, scale: number): LossValue {
  const { builder } = scope;
  const type = scope.find(end.input)?.type ?? output.type;
  const logit = laidOut(scope, end.input, end.inside ?? []);
  const [minus, plus] = [-scale, scale].map((factor) =>
    builder.op('Mul', [logit, builder.scalar(factor, type)]),
  );
  const pair = end.kind === 'complements' ? [minus!, plus!] : [plus!, minus!];
  const both = builder.op('Concat', pair, { axis: end.axis ?? 1 });
  return { name: laidOut(scope, both, end.after), type, dims: output.dims };
}

/** Another value, laid out as nodes do it with the one that they read. */
function laidOut(scope: LossScope, value: string, nodes: End['after']): string {
  const { builder } = scope;
  let current = value;
  for (const node of nodes) {
    const dims = scope.find(node.output[0]!)?.dims;
    const sizes = dims?.map((dim) => (typeof dim === 'number' ? dim : -1));
    if (sizes && node.opType !== 'Transpose' && sizes.filter((size) => size < 0).length < 2) {
      current = builder.op('Reshape', [current, builder.ints(sizes)]);
      continue;
    }
    const output = builder.fresh(`logits/${node.output[0]}`);
    const name = builder.fresh(`logits/${node.name || node.opType}`);
    builder.graph.node.push({ ...node, name, input: [current, ...node.input.slice(1)], output: [output] });
    current = output;
  }
  return current;
}

/** @throws FlatminError where the function runs along no single axis of the output */
function classAxis(scope: LossScope, loss: string, output: LossValue, end: End): number | undefined {
  if (end.axis === undefined) return output.dims.length > 1 ? undefined : 0;
  const isPair = end.kind === 'complements' || end.kind === 'flipped-complements';
  const dims = scope.find(isPair ? end.node.output[0]! : end.input)?.dims;
  const axis = dims && moveAxis(end.axis, dims, end.after, (name) => scope.find(name)?.dims);
  if (axis === undefined)
    throw misfit(loss, output, end, 'is laid out so that its classes are on no axis', 'export the logits');
  return axis;
}

/** The smallest probability, of which there still is a logarithm: float32's smallest normal number. */
const SMALLEST = 2 ** -126;
/** The largest below 1. */
const LARGEST = 1 - 2 ** -24;

const NAMES: Readonly<Record<EndKind, string>> = {
  softmax: 'a softmax',
  'log-softmax': 'a log softmax',
  sigmoid: 'a sigmoid',
  'log-sigmoid': 'a log sigmoid',
  complements: 'a sigmoid and its complement',
  'flipped-complements': 'a sigmoid and its complement',
  distribution: 'a distribution',
  'log-distribution': 'the logarithm of a distribution',
  probabilities: 'probabilities put together or picked',
  labels: 'the label of the largest score',
};

/** 'a softmax (Softmax "head/Softmax")' */
export const describeEnd = ({ kind, node }: Pick<End, 'kind' | 'node'>): string =>
  `${NAMES[kind]} (${describeNode(node)})`;

/** Whether an end is a function of one value that can be named. */
export const isOfOneValue = ({ kind }: Pick<End, 'kind'>): boolean =>
  kind !== 'distribution' && kind !== 'log-distribution' && kind !== 'probabilities';

function tell(
  scope: LossScope,
  loss: string,
  output: LossValue,
  end: End,
  value: LossValue,
  axis?: number | undefined,
  what?: string,
): void {
  if (end.kind === 'log-distribution') return;
  const taken = what ?? (isOfOneValue(end) ? `"${end.input}"` : `the logarithm of "${output.name}"`);
  const of = isOfOneValue(end) ? ` of "${end.input}"` : '';
  const where = axis === undefined || axis === 1 ? '' : ` Its classes are on axis ${axis}.`;
  const doubtful =
    end.kind === 'sigmoid' && axis !== undefined
      ? ' A sigmoid answers for each class on its own: binary cross-entropy (bce) fits it better.'
      : '';
  scope.tell(
    `${loss} takes ${taken}: the output "${output.name}" is ${describeEnd(end)}${of}.${where}${doubtful}`,
  );
  scope.taken.set(output.name, value.name);
}

function misfit(loss: string, { name }: LossValue, end: End, why: string, instead: string): FlatminError {
  return new FlatminError(
    'INVALID_MODEL',
    `${loss} does not fit the output "${name}": it is ${describeEnd(end)}${isOfOneValue(end) ? ` of "${end.input}"` : ''}, which ${why}. You can ${instead}; name another output; ${AS_IS}.`,
  );
}

/** @throws FlatminError INVALID_MODEL for a value of integers */
function requireScores(loss: string, { name, type }: LossValue): void {
  if (isFloatingPoint(type)) return;
  throw new FlatminError(
    'INVALID_MODEL',
    `${loss} needs scores, but "${name}" is of type ${dataTypeName(type)}, and no scores that it is the largest of are found behind it: name the value that holds them as the output; it may be any value of the model.`,
  );
}

/** Ops whose results are above zero or between bounds: no log probabilities. */
const NEVER_LOGARITHMS = new Set(['Relu', 'Softplus', 'Exp', 'Abs', 'Sqrt', 'HardSigmoid', 'Tanh']);
const LINEAR = new Set(['Gemm', 'MatMul', 'Conv']);

/** Tells, or refuses, what is hardly a log probability. */
function doubt(scope: LossScope, loss: string, { name }: LossValue): void {
  if (scope.asIs) return;
  const maker = (value: string | undefined) =>
    scope.builder.graph.node.find(({ output }) => output[0] === value);
  const node = maker(name);
  if (!node) return;
  if (NEVER_LOGARITHMS.has(node.opType)) {
    throw new FlatminError(
      'INVALID_MODEL',
      `${loss} needs log probabilities, but the output "${name}" comes from ${describeNode(node)}: take cross-entropy, which takes logits; name another output; ${AS_IS}.`,
    );
  }
  const isLinear =
    LINEAR.has(node.opType) ||
    (node.opType === 'Add' && node.input.some((input) => LINEAR.has(maker(input)?.opType ?? '')));
  if (isLinear) {
    scope.tell(
      `${loss} takes log probabilities, and the output "${name}" comes from ${describeNode(node)}, which makes none: of logits the loss has no lower bound. Cross-entropy takes logits.`,
    );
  }
}
