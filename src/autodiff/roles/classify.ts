import { FlatminError } from '../../errors.js';
import { opKey } from '../../onnx/domains.js';
import type { Graph } from '../../onnx/proto.js';
import { dataTypeName, elementCount, isFloatingPoint, tensorDims } from '../../onnx/tensors/tensor.js';
import { type Pattern, patternMatches } from '../prepare/pattern.js';
import { readBy } from '../prepare/rename.js';
import { nonDifferentiable } from '../registry.js';
import type { TensorRole } from './judge/verdict.js';
import { type Use, ValueFlow } from './uses.js';

/** 'parameter': trained. 'frozen': a parameter that is left as it is. 'statistic': a running mean or variance. 'constant': none of these. */
export type Kind = 'parameter' | 'frozen' | 'statistic' | 'constant';

/** What an initializer is to training, and why. */
export interface Classified {
  /** Of the initializer. */
  readonly name: string;
  /** Sizes of its axes. */
  readonly dims: readonly number[];
  /** ONNX element type. */
  readonly type: number;
  /** What it is to training. */
  readonly kind: Kind;
  /** Why, for people. */
  readonly reason: string;
  /** Nodes that read it, or views of it. */
  readonly uses: number;
  /** The file does not say what it is; the kind is the likelier one. */
  readonly unsure: boolean;
  /** Whether it is trained where that is asked for. */
  readonly canTrain: boolean;
}

/** A pattern of names, or several: one of them has to match. */
export type Patterns = Pattern | readonly Pattern[];

/** Which initializers are trained, by their names; default: those that look learned. */
export interface ClassifyOptions {
  /** Initializers to train, whatever they look like; these alone: weights that it does not match are frozen. */
  train?: Patterns | undefined;
  /** Initializers to train besides those that look learned. */
  alsoTrain?: Patterns | undefined;
  /** Parameters to leave as they are; wins over the others. */
  freeze?: Patterns | undefined;
}

/**
 * Says of each initializer whether it is trained: those that are parameters by their role, and reach the loss through differentiable ops.
 * @param losses the values that the loss is taken of
 * @param roles what each initializer is; one that is not listed is left out
 * @throws FlatminError INVALID_ARGUMENT where a pattern matches nothing that can be trained
 */
export function classify(
  graph: Graph,
  losses: readonly string[],
  roles: ReadonlyMap<string, TensorRole>,
  options: ClassifyOptions = {},
): Classified[] {
  const flow = new ValueFlow(graph);
  const reaching = reachLoss(graph, losses);
  const choice = new Choice(options);
  const classified = graph.initializer.flatMap((tensor): Classified[] => {
    const name = tensor.name ?? '';
    const role = roles.get(name);
    if (!role) return [];
    const type = tensor.dataType ?? 0;
    const dims = tensorDims(tensor);
    const uses = flow.uses(name);
    const hindrance =
      role.kind === 'statistic'
        ? { kind: role.kind, reason: role.reason }
        : cannotTrain(type, dims, uses, reaching.has(name));
    const decided = choice.of(name, role, hindrance);
    return [
      {
        name,
        dims,
        type,
        uses: role.nodes,
        unsure: decided.unsure ?? false,
        canTrain: hindrance === undefined,
        kind: decided.kind,
        reason: decided.reason,
      },
    ];
  });
  choice.check(classified);
  return classified;
}

interface Decision {
  readonly kind: Kind;
  readonly reason: string;
  readonly unsure?: boolean | undefined;
}

/** What the user chose. */
class Choice {
  private readonly train: readonly Pattern[];
  private readonly also: readonly Pattern[];
  private readonly freeze: readonly Pattern[];
  private readonly used = new Set<Pattern>();
  /** The first tensor that a pattern asked for in vain. */
  private readonly refused = new Map<Pattern, { name: string; reason: string }>();

  constructor({ train, alsoTrain, freeze }: ClassifyOptions) {
    this.train = listOf(train);
    this.also = listOf(alsoTrain);
    this.freeze = listOf(freeze);
  }

  /** @param hindrance why the tensor cannot be trained, whatever is asked */
  of(name: string, role: TensorRole, hindrance: Decision | undefined): Decision {
    const frozen = matches(this.freeze, name);
    const alone = matches(this.train, name);
    const asked = [...alone, ...matches(this.also, name)];
    for (const pattern of frozen) this.used.add(pattern);
    if (hindrance) {
      if (frozen.length === 0)
        for (const pattern of asked)
          if (!this.refused.has(pattern)) this.refused.set(pattern, { name, reason: hindrance.reason });
      return hindrance;
    }
    for (const pattern of asked) this.used.add(pattern);
    if (frozen.length > 0) return { kind: 'frozen', reason: 'matches a freeze pattern' };
    if (asked.length > 0) return { kind: 'parameter', reason: 'matches a train pattern' };
    if (role.kind === 'constant') return role;
    if (this.train.length > 0) return { kind: 'frozen', reason: 'matches no train pattern' };
    return role;
  }

  /** @throws FlatminError INVALID_ARGUMENT for a pattern that chose nothing */
  check(classified: readonly Classified[]): void {
    const idle = [...this.train, ...this.also, ...this.freeze].find((pattern) => !this.used.has(pattern));
    if (idle === undefined) return;
    const refused = this.refused.get(idle);
    if (refused)
      throw new FlatminError(
        'INVALID_ARGUMENT',
        `"${refused.name}" cannot be trained: it is ${refused.reason}.`,
      );
    const names = classified.filter(({ kind }) => kind === 'parameter' || kind === 'frozen');
    const shown = names.slice(0, 5).map((each) => each.name);
    throw new FlatminError(
      'INVALID_ARGUMENT',
      `The pattern ${String(idle)} matches no initializer; there are ${shown.join(', ')}${names.length > 5 ? ', …' : ''}.`,
    );
  }
}

const listOf = (given: Patterns | undefined): readonly Pattern[] =>
  given === undefined ? [] : typeof given === 'string' || given instanceof RegExp ? [given] : given;

const matches = (list: readonly Pattern[], name: string): Pattern[] =>
  list.filter((pattern) => patternMatches(pattern, name));

/** Why an initializer cannot be trained whatever the user asks. */
function cannotTrain(
  type: number,
  dims: readonly number[],
  uses: readonly Use[],
  reachesLoss: boolean,
): Decision | undefined {
  const constant = (reason: string): Decision => ({ kind: 'constant', reason });
  if (!isFloatingPoint(type)) return constant(describeInteger(type, uses));
  if (elementCount(dims) === 0) return constant('empty');
  if (uses.length > 0 && uses.every(({ role }) => role === 'setting'))
    return constant(`a setting of ${uses[0]!.node.opType}, not an operand`);
  if (!reachesLoss) return constant('a value that does not reach the loss through differentiable ops');
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
