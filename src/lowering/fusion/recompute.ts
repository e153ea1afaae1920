import type { Graph } from '../../onnx/proto.js';
import { readBy } from '../../onnx/subgraphs.js';
import { elementBytes, elementCount } from '../../onnx/tensors/tensor.js';
import { type KnownValues, scalarConstant } from './forms/form.js';
import { readByForm } from './forms/forms.js';
import type { Regions } from './grow.js';
import { isWithinLimits, MOST_MEMBERS } from './limits.js';
import type { Member } from './member.js';
import { minimumCut } from './min-cut.js';
import { planRegion, type RegionPlan } from './plan.js';

/** What reading and writing a byte costs, against 1 for keeping it until it is read. */
const READING = 0.2;
const WRITING = 0.3;
/** Share of the cost below which computing again is chosen. */
const WORTHWHILE = 0.95;

/**
 * Lets regions compute values again that another one would store for them, where what these are made from is there anyway or is smaller:
 * between each two regions the cheapest values are kept that all others follow from.
 * @returns the plans by group, those of regions that nobody needs any more without outputs
 */
export function recompute(graph: Graph, regions: Regions, known: KnownValues): Map<number, RegionPlan> {
  return new Recomputation(graph, regions, known).run();
}

class Recomputation {
  private readonly plans: Map<number, RegionPlan>;
  private readonly order: readonly number[];
  private readonly place: ReadonlyMap<number, number>;
  /** The node that makes each value. */
  private readonly makers = new Map<string, number>();
  private readonly results: ReadonlySet<string>;
  private readonly given: ReadonlySet<string>;
  /** Groups that read each value of others. */
  private readonly readers = new Map<string, Set<number>>();
  private readonly indexOf: ReadonlyMap<Member['node'], number>;

  constructor(
    private readonly graph: Graph,
    private readonly regions: Regions,
    private readonly known: KnownValues,
  ) {
    const { groups, plans } = regions;
    this.plans = new Map(plans);
    this.order = groups.sorted;
    this.place = new Map(this.order.map((group, place) => [group, place]));
    this.results = new Set(graph.output.map(({ name }) => name));
    this.given = new Set([...graph.input, ...graph.initializer].map(({ name }) => name ?? ''));
    this.indexOf = new Map(graph.node.map((node, index) => [node, index]));
    graph.node.forEach(({ output }, index) => {
      for (const name of output) this.makers.set(name, index);
    });
    for (const group of this.order) for (const name of this.readsOf(group)) this.addReader(name, group);
  }

  run(): Map<number, RegionPlan> {
    for (const group of this.order) {
      // What is computed again may be made from what a third region stores.
      const tried = new Set<number>();
      for (
        let maker = this.nextMaker(group, tried);
        maker !== undefined;
        maker = this.nextMaker(group, tried)
      ) {
        tried.add(maker);
        this.between(maker, group);
      }
    }
    return this.plans;
  }

  private readsOf(group: number): readonly string[] {
    const plan = this.plans.get(group);
    return plan
      ? plan.inputs
      : this.regions.groups.nodes(group).flatMap((index) => readBy(this.graph.node[index]!));
  }

  private addReader(name: string, group: number): void {
    this.readers.set(name, (this.readers.get(name) ?? new Set()).add(group));
  }

  private nextMaker(group: number, tried: ReadonlySet<number>): number | undefined {
    for (const name of this.plans.get(group)?.inputs ?? []) {
      const maker = this.makers.get(name);
      const region = maker === undefined ? undefined : this.regions.groups.of(maker);
      if (region !== undefined && region !== group && this.plans.has(region) && !tried.has(region))
        return region;
    }
    return undefined;
  }

  private between(maker: number, reader: number): void {
    const [source, target] = [this.plans.get(maker)!, this.plans.get(reader)!];
    const made = new Map(source.members.map((member) => [member.node.output[0]!, member]));
    const wanted = target.inputs.filter((name) => this.isOf(name, maker));
    const { vertices, edges } = this.cone(wanted, made);
    // What the region computes again itself is another's to store.
    const costs = vertices.map((name) =>
      made.has(name) && !this.isOf(name, maker)
        ? Number.POSITIVE_INFINITY
        : this.costOf(name, reader, made.has(name), target),
    );
    const sources = [...vertices.keys()].filter((vertex) => !made.has(vertices[vertex]!));
    const sinks = wanted.map((name) => vertices.indexOf(name));
    const cut = [...minimumCut(edges, costs, sources, sinks)].map((vertex) => vertices[vertex]!);
    const total = (names: readonly string[]) =>
      names.reduce((sum, name) => sum + costs[vertices.indexOf(name)]!, 0);
    if (total(cut) < WORTHWHILE * total(wanted)) this.apply(maker, reader, made, wanted, cut);
  }

  /** The values that some follow from inside a region, those from outside included, and which each is needed for. */
  private cone(wanted: readonly string[], made: ReadonlyMap<string, Member>) {
    const vertices = [...wanted];
    const edges: number[][] = wanted.map(() => []);
    for (let vertex = 0; vertex < vertices.length; vertex++) {
      const member = made.get(vertices[vertex]!);
      for (const name of member ? readByForm(member.form) : []) {
        if (scalarConstant(this.known, name) !== undefined) continue;
        let from = vertices.indexOf(name);
        if (from < 0) {
          from = vertices.push(name) - 1;
          edges.push([]);
        }
        edges[from]!.push(vertex);
      }
    }
    return { vertices, edges };
  }

  private costOf(name: string, reader: number, isMade: boolean, target: RegionPlan): number {
    const { type, dims } = this.known.types.get(name)!;
    const bytes = elementCount(dims) * elementBytes(type);
    if (!isMade && target.inputs.includes(name)) return 0;
    const until = this.place.get(reader)!;
    const others = [...(this.readers.get(name) ?? [])].filter((group) => group !== reader);
    const isKept =
      this.given.has(name) ||
      this.results.has(name) ||
      others.some((group) => this.place.get(group)! >= until);
    const isWritten = isMade && others.length === 0 && !this.results.has(name);
    return ((isKept ? 0 : 1) + (isWritten ? WRITING : 0) + READING) * bytes;
  }

  private apply(
    maker: number,
    reader: number,
    made: ReadonlyMap<string, Member>,
    wanted: readonly string[],
    cut: readonly string[],
  ): void {
    const kept = new Set(cut);
    const target = this.plans.get(reader)!;
    const copied = new Set<Member>();
    const visit = (name: string): void => {
      const member = kept.has(name) ? undefined : made.get(name);
      if (!member || copied.has(member)) return;
      copied.add(member);
      for (const each of readByForm(member.form)) visit(each);
    };
    for (const name of wanted) visit(name);
    if (copied.size + target.members.length > MOST_MEMBERS) return;

    const plan = this.replan([...new Set([...target.members, ...copied])], target.outputs);
    if (!plan || plan.inputs.length === 0 || !isWithinLimits(plan)) return;
    const isNeeded = (name: string) =>
      this.results.has(name) ||
      plan.inputs.includes(name) ||
      [...(this.readers.get(name) ?? [])].some((group) => group !== reader && group !== maker);
    const outputs = [...made.keys()].filter((name) => this.isOf(name, maker) && isNeeded(name));
    const source = this.replan(neededFor(outputs, made), outputs);
    if (!source) return;
    for (const [group, after] of [
      [maker, source],
      [reader, plan],
    ] as const) {
      for (const name of this.plans.get(group)!.inputs) this.readers.get(name)!.delete(group);
      this.plans.set(group, after);
      for (const name of after.inputs) this.addReader(name, group);
    }
  }

  /** Whether a value is made by a node of a group. */
  private isOf(name: string, group: number): boolean {
    const maker = this.makers.get(name);
    return maker !== undefined && this.regions.groups.of(maker) === group;
  }

  private replan(members: readonly Member[], outputs: readonly string[]): RegionPlan | undefined {
    const index = (member: Member) => this.indexOf.get(member.node)!;
    const sorted = [...members].sort((a, b) => index(a) - index(b));
    return planRegion(sorted, outputs, this.known);
  }
}

/** The members that some values follow from. */
function neededFor(outputs: readonly string[], made: ReadonlyMap<string, Member>): Member[] {
  const needed = new Set<Member>();
  const visit = (name: string): void => {
    const member = made.get(name);
    if (!member || needed.has(member)) return;
    needed.add(member);
    for (const each of readByForm(member.form)) visit(each);
  };
  for (const name of outputs) visit(name);
  return [...needed];
}
