import { FlatminError } from '../../errors.js';
import { opKey } from '../../onnx/domains.js';
import type { Graph, ModelProto, Node, Tensor } from '../../onnx/proto.js';
import { elementCount, isFloatingPoint, tensorDims } from '../../onnx/tensors/tensor.js';
import { normalForm } from '../prepare/normal-form.js';
import { nonDifferentiable } from '../registry.js';
import { type Copy, copyTensors, type LeafUse, leafUses, tensorsOf } from './copy.js';
import { Judge } from './judge/judge.js';
import type { Verdict } from './judge/verdict.js';
import { Modules, moduleOf, tracedScope } from './modules.js';
import { slotName } from './slots.js';
import { callsName } from './torch-metadata.js';
import type { Use } from './uses.js';
import { floatValues, isUntrained } from './values.js';

export interface SplitModel {
  /** The model with a tensor for each role, and for each module, that had one by chance. */
  readonly model: ModelProto;
  /** From each copy to the tensor of the file that it is split from. */
  readonly splits: ReadonlyMap<string, string>;
  /** What each part of a split tensor is, and what tensors that are used more than once are. */
  readonly verdicts: ReadonlyMap<string, Verdict>;
}

interface Shared {
  readonly tensor: Tensor;
  readonly uses: readonly LeafUse[];
  /** Equal by chance with any other of its kind: an initial value, no trained one. */
  readonly untrained: boolean;
}

/** Uses of a tensor that have one copy of it. */
interface Group {
  readonly members: number[];
  readonly verdict: Verdict;
  readonly first: Use;
}

/** Sets the copies that are made to look at uses one by one apart from names of files. */
const SEPARATOR = '\u0000';

/**
 * Undoes what exporters and optimizers merge: equal tensors of which one is γ of a normalisation and another a running variance, or
 * which are the biases of two modules. What was trained is equal only where it is one: a table and its transpose, a module that is
 * called twice. These stay tied.
 * @param model one whose bodies' values have names of their own
 */
export function splitMerged(model: ModelProto): SplitModel {
  const shared = sharedTensors(model.graph);
  if (shared.size === 0) return { model, splits: new Map(), verdicts: new Map() };
  const apart = copyTensors(
    model,
    new Map(
      [...shared].map(([name, { uses }]) => [name, uses.map((use, index) => copyOf(name, use, index))]),
    ),
  );
  const normal = normalForm(apart);
  const { model: analysed, origins } = normal;
  const original = (name: string) => {
    const end = name.indexOf(SEPARATOR);
    return end < 0 ? name : name.slice(0, end);
  };
  const ofFile = new Map([...origins].map(([name, origin]) => [original(name), origin]));
  const judge = new Judge(analysed.graph, ofFile, normal);
  const tensors = new Map(analysed.graph.initializer.map((tensor) => [tensor.name ?? '', tensor]));
  const modules = new Modules(judge.flow, (inside) => {
    const value = judge.flow.outside(inside);
    const name = original(value);
    const type = tensors.get(value)?.dataType ?? 0;
    return isFloatingPoint(type) && !shared.get(name)?.untrained ? name : undefined;
  });

  const splits = new Map<string, string>();
  const verdicts = new Map<string, Verdict>();
  const plans = new Map<string, Copy[]>();
  const names = new NewNames(model.graph);
  for (const [name, each] of shared) {
    const groups = keeperFirst(groupsOf(name, each, { judge, tensors, modules }), name, each.uses);
    if (groups.length === 0) continue;
    verdicts.set(name, groups[0]!.verdict);
    if (groups.length === 1) continue;
    plans.set(
      name,
      groups.slice(1).map((group) => {
        const { members, verdict } = group;
        const copy = names.fresh(name, group, each.uses);
        splits.set(copy, name);
        verdicts.set(copy, verdict);
        return { name: copy, uses: members.map((index) => each.uses[index]!) };
      }),
    );
  }
  return { model: plans.size > 0 ? copyTensors(model, plans) : model, splits, verdicts };
}

const copyOf = (name: string, use: LeafUse, index: number): Copy => ({
  name: `${name}${SEPARATOR}${index}`,
  uses: [use],
});

/** Floating-point tensors that more than one node reads. */
function sharedTensors(graph: Graph): Map<string, Shared> {
  const found = new Map<string, Shared>();
  const readers = leafUses(graph);
  for (const [name, tensor] of tensorsOf(graph)) {
    const uses = readers(name);
    if (uses.length < 2 || !isFloatingPoint(tensor.dataType ?? 0)) continue;
    const dims = tensorDims(tensor);
    if (elementCount(dims) === 0) continue;
    found.set(name, { tensor, uses, untrained: isUntrained(floatValues(tensor), dims) });
  }
  return found;
}

interface Analysis {
  readonly judge: Judge;
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly modules: Modules;
}

function groupsOf(name: string, shared: Shared, { judge, tensors, modules }: Analysis): Group[] {
  const { uses, untrained } = shared;
  const groups: Group[] = [];
  const withoutGradient: { index: number; use: Use; verdict: Verdict }[] = [];
  const add = (
    index: number,
    use: Use,
    verdict: Verdict,
    isSame: (first: Use) => boolean,
    among: readonly Group[] = groups,
  ): Group | undefined => {
    const group = among.find((each) => each.verdict.kind === verdict.kind && isSame(each.first));
    if (group) group.members.push(index);
    else groups.push({ members: [index], verdict, first: use });
    return group ? undefined : groups.at(-1);
  };
  // Of uses that only another of their own node can be one with, and of the others.
  const alone = new Map<Node, Group[]>();
  const known: Group[] = [];
  const copies = uses.map((_, index) => tensors.get(`${name}${SEPARATOR}${index}`));
  const isStatistic = copies.some((copy) =>
    judge.flow.uses(copy?.name ?? '').some(({ role }) => role === 'statistic'),
  );
  copies.forEach((copy, index) => {
    const use = copy && judge.flow.uses(copy.name ?? '').find(({ role }) => role !== 'form');
    if (!use) return;
    // The name of a statistic, or of a constant inside another module, says nothing of this use.
    const isForeign =
      (isStatistic && use.role !== 'statistic') || (untrained && isOfOtherModule(name, shared, use));
    const verdict = judge.verdict(copy, isForeign ? '' : name);
    if (nonDifferentiable.has(opKey(use.node))) withoutGradient.push({ index, use, verdict });
    else if (verdict.kind === 'constant') add(index, use, verdict, () => true);
    else if (!untrained) add(index, use, verdict, (first) => modules.areTied(first, use));
    else {
      const isSame = (first: Use) =>
        modules.areOne(first, use) || (takesPart(uses[index]!) && modules.areBeside(first, use));
      const ofNode = alone.get(use.node) ?? [];
      const isAlone = modules.isAlone(use);
      const made = add(index, use, verdict, isSame, isAlone ? ofNode : known);
      if (made && isAlone) alone.set(use.node, [...ofNode, made]);
      else if (made) known.push(made);
    }
  });
  for (const { index, use, verdict } of withoutGradient) {
    const learned = groups.find(
      (group) => group.verdict.kind === 'parameter' && (!untrained || modules.areBeside(group.first, use)),
    );
    if (learned) learned.members.push(index);
    else add(index, use, verdict, () => true);
  }
  return groups;
}

/** A tensor that nodes take parts of is a whole: nobody merges parts. */
const takesPart = ({ node: { opType } }: LeafUse): boolean => opType === 'Slice' || opType === 'Split';

/** Whether a tracing exporter's constant is read in another module than it was made in. */
function isOfOtherModule(name: string, { tensor }: Shared, { node }: Use): boolean {
  const [first] = floatValues(tensor);
  if (first !== 0 && first !== 1) return false;
  const own = /\/Constant(_\d+)?_output_\d+$/.test(name) ? tracedScope({ name }) : undefined;
  return own !== undefined && own !== tracedScope(node);
}

/**
 * The group that keeps the name first: the one whose exporter's note has it, else parameters before statistics before constants, and
 * uses without another name before those by one.
 */
function keeperFirst(groups: readonly Group[], name: string, uses: readonly LeafUse[]): Group[] {
  const order = ['parameter', 'statistic', 'constant'];
  const ofModule = name.split('.').slice(0, -1).join('.');
  const rank = ({ first: { node }, verdict, members }: Group) => {
    if (callsName(node, name) || moduleOf(node) === ofModule) return -1;
    const isRenamed = uses[members[0]!]!.chain[0]?.opType === 'Identity';
    return order.indexOf(verdict.kind) + (isRenamed ? 0.5 : 0);
  };
  return groups.toSorted((a, b) => rank(a) - rank(b));
}

/** Names of copies. */
class NewNames {
  private readonly taken: Set<string>;
  /** Of each hint, the next to be tried. */
  private readonly counts = new Map<string, number>();

  constructor(graph: Graph) {
    this.taken = allNames(graph);
  }

  /**
   * The name that the file has for the uses already (an Identity node's); or the module's path and what modules call the tensor, where
   * the exporter wrote which module it is; or the tensor's name with a count.
   */
  fresh(name: string, { first, verdict, members }: Group, uses: readonly LeafUse[]): string {
    const alias = uses[members[0]!]!.chain[0];
    const isOwn = uses.every(({ chain }, index) => (chain[0] === alias) === members.includes(index));
    if (alias?.opType === 'Identity' && isOwn) return alias.output[0]!;
    const module = verdict.kind === 'constant' ? undefined : moduleOf(first.node);
    if (!module) return this.unused(name);
    return this.unused(`${module}.${slotName(first.node, first.index) ?? name.split(/[./]/).at(-1)}`);
  }

  private unused(hint: string): string {
    let name = hint;
    let count = this.counts.get(hint) ?? 2;
    for (; this.taken.has(name); count++) name = `${hint}_${count}`;
    this.counts.set(hint, count);
    this.taken.add(name);
    if (name === '') throw new FlatminError('INVALID_MODEL', 'A tensor of the model has no name.');
    return name;
  }
}

function allNames(graph: Graph): Set<string> {
  const found = new Set<string>();
  const collect = (part: Graph) => {
    for (const { name } of [...part.input, ...part.output]) found.add(name);
    for (const { name } of part.initializer) found.add(name ?? '');
    for (const node of part.node) {
      for (const name of [...node.input, ...node.output]) found.add(name);
      for (const { g, graphs } of node.attribute)
        for (const body of [...(g ? [g] : []), ...(graphs ?? [])]) collect(body);
    }
  };
  collect(graph);
  return found;
}
