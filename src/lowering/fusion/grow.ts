import type { Graph } from '../../onnx/proto.js';
import { elementCount } from '../../onnx/tensors/tensor.js';
import type { KnownValues } from './forms/form.js';
import { formOf, readByForm } from './forms/forms.js';
import { Groups } from './groups.js';
import { isWithinLimits, MOST_MEMBERS } from './limits.js';
import type { Member } from './member.js';
import { isForReaders } from './per-reader.js';
import { planRegion, type RegionPlan } from './plan.js';
import { readersOf } from './readers.js';

/** Elements from which reading a value once instead of twice is worth joining two regions that have nothing else in common. */
const SHARED_ELEMENTS = 16_384;

/** The regions of a graph, and where they run. */
export interface Regions {
  readonly groups: Groups;
  /** By group. */
  readonly plans: ReadonlyMap<number, RegionPlan>;
}

/**
 * Joins nodes to regions, each with the makers of what it reads, then regions that read the same large value, wherever one iteration space
 * serves them all and nothing else has to run in between.
 */
export function growRegions(graph: Graph, known: KnownValues): Regions {
  return new Grower(graph, known).grow();
}

class Grower {
  private readonly groups: Groups;
  private readonly readers: ReadonlyMap<string, readonly number[]>;
  private readonly makers: ReadonlyMap<string, number>;
  private readonly members = new Map<number, Member>();
  private readonly plans = new Map<number, RegionPlan>();
  private readonly results: ReadonlySet<string>;

  constructor(
    private readonly graph: Graph,
    private readonly known: KnownValues,
  ) {
    this.groups = new Groups(graph);
    this.readers = readersOf(graph.node);
    this.makers = new Map(graph.node.flatMap(({ output }, index) => output.map((name) => [name, index])));
    this.results = new Set(graph.output.map(({ name }) => name));
  }

  grow(): Regions {
    const { graph, known, members } = this;
    const isRead = (name: string) => this.readers.has(name) || this.results.has(name);
    const forms = graph.node.map((node) => formOf(node, known, isRead));
    graph.node.forEach((node, index) => {
      const form = forms[index];
      // What is for others is theirs.
      const isTheirs = () => (this.readers.get(node.output[0]!) ?? []).every((reader) => !forms[reader]);
      if (!form || (isForReaders(node, known.types) && isTheirs())) return;
      members.set(index, { node, form });
      const plan = this.planOf([index]);
      if (plan) this.plans.set(index, plan);
      else if (!isForReaders(node, known.types)) {
        members.delete(index);
        return;
      }
      this.joinMakers(index);
    });
    this.joinReaders();
    return { groups: this.groups, plans: this.plans };
  }

  private planOf(nodes: readonly number[]): RegionPlan | undefined {
    if (nodes.length > MOST_MEMBERS) return undefined;
    const own = new Set(nodes);
    const outputs = nodes
      .map((index) => this.members.get(index)!.node.output[0]!)
      .filter(
        (name) => this.results.has(name) || (this.readers.get(name) ?? []).some((reader) => !own.has(reader)),
      );
    const plan = planRegion(
      nodes.map((index) => this.members.get(index)!),
      outputs,
      this.known,
    );
    return plan && isWithinLimits(plan) ? plan : undefined;
  }

  private sizeOf(name: string): number {
    const type = this.known.types.get(name);
    return type ? elementCount(type.dims) : 0;
  }

  private joinMakers(index: number): void {
    const sources = [...readByForm(this.members.get(index)!.form)].sort(
      (a, b) => this.sizeOf(b) - this.sizeOf(a),
    );
    for (const name of sources) {
      const maker = this.makers.get(name);
      if (maker !== undefined && this.members.has(maker)) this.tryJoin(maker, index);
    }
  }

  private joinReaders(): void {
    for (const [name, readers] of this.readers) {
      const inRegions = readers.filter((index) => this.members.has(index));
      if (inRegions.length < 2 || this.sizeOf(name) < SHARED_ELEMENTS) continue;
      for (const [place, index] of inRegions.entries())
        for (const other of inRegions.slice(place + 1)) this.tryJoin(index, other);
    }
  }

  private tryJoin(a: number, b: number): void {
    const { groups, plans } = this;
    const [first, second] = [groups.of(a), groups.of(b)];
    if (first === second) return;
    // Planning costs more than finding out that something has to run in between.
    if (!groups.canJoin(first, second)) return;
    const nodes = [...groups.nodes(first), ...groups.nodes(second)].sort((x, y) => x - y);
    const plan = this.planOf(nodes);
    if (!plan) return;
    for (const each of [first, second]) plans.delete(each);
    plans.set(groups.join(first, second), plan);
  }
}
