import { DataType } from '../../onnx/tensors/tensor.js';
import { type Axis, extentOf, type Layout, leavesOf } from './axis.js';
import { type KnownValues, scalarConstant } from './forms/form.js';
import { readByForm } from './forms/forms.js';
import { layoutsOf } from './layouts.js';
import type { Member } from './member.js';

/** How the values of a region lie in its iteration space of rows and columns. */
export interface RegionPlan {
  /** In topological order. */
  readonly members: readonly Member[];
  /** Values from outside, constants of one number excepted. */
  readonly inputs: readonly string[];
  /** Values that others read. */
  readonly outputs: readonly string[];
  /** Outermost first. */
  readonly rows: readonly Axis[];
  /** Outermost first. */
  readonly columns: readonly Axis[];
  readonly layouts: ReadonlyMap<string, Layout>;
  /** Outputs that are sums over all rows. */
  readonly columnSums: ReadonlySet<string>;
}

/** Elements that a row should have where the program does not decide it: enough to fill vectors, few enough for a cache. */
const GOOD_COLUMNS = { least: 128, most: 16_384 };
/** Sets of axes are the bits of an integer. */
const MOST_AXES = 30;

/**
 * One iteration space for members of a region: every value is there for each element, or for each row, and reductions are over a row, or, of
 * results that no member reads, over all rows.
 * @returns undefined where there is none
 */
export function planRegion(
  members: readonly Member[],
  outputs: readonly string[],
  known: KnownValues,
): RegionPlan | undefined {
  // Programs store numbers; truth that others read is theirs.
  if (outputs.some((name) => known.types.get(name)!.type !== DataType.float)) return undefined;
  const layouts = layoutsOf(members, known);
  const axes = new Set([...(layouts?.values() ?? [])].flatMap((layout) => leavesOf(layout)));
  if (!layouts || axes.size > MOST_AXES) return undefined;
  const space = new Space([...axes], members, outputs, layouts, known);
  for (const columns of space.candidates()) {
    const columnSums = space.columnSums(columns);
    if (!columnSums) continue;
    const { inputs, order } = space;
    const isColumn = (axis: Axis) => (space.setOf([axis]) & columns) !== 0;
    const rows = order.filter((axis) => !isColumn(axis));
    return { members, inputs, outputs, rows, columns: order.filter(isColumn), layouts, columnSums };
  }
  return undefined;
}

/** Axes, a bit each. */
type AxisSet = number;

const isWithin = (part: AxisSet, whole: AxisSet): boolean => (part & ~whole) === 0;

interface Reduction {
  readonly output: string;
  readonly over: AxisSet;
  readonly source: string;
  /** Whether members use what is reduced. */
  readonly isInner: boolean;
  readonly canSumColumns: boolean;
}

class Space {
  readonly inputs: readonly string[];
  /** All axes, as they follow each other in the memory of most values. */
  readonly order: readonly Axis[];
  private readonly made: ReadonlySet<string>;
  private readonly all: AxisSet;
  private readonly bits: ReadonlyMap<Axis, number>;
  /** By value. */
  private readonly sets: ReadonlyMap<string, AxisSet>;
  private readonly reductions: ReadonlyMap<string, Reduction>;

  constructor(
    axes: readonly Axis[],
    private readonly members: readonly Member[],
    private readonly outputs: readonly string[],
    private readonly layouts: ReadonlyMap<string, Layout>,
    known: KnownValues,
  ) {
    this.made = new Set(members.map(({ node }) => node.output[0]!));
    const read = new Set(members.flatMap(({ form }) => readByForm(form)));
    this.inputs = [...read].filter(
      (name) => !this.made.has(name) && scalarConstant(known, name) === undefined,
    );
    this.bits = new Map(axes.map((axis, index) => [axis, 1 << index]));
    this.all = this.setOf(axes);
    this.sets = new Map([...layouts].map(([name, layout]) => [name, this.setOf(leavesOf(layout))]));
    this.order = this.commonOrder(axes);
    const reductions = members.flatMap((member) => this.reductionOf(member, read));
    this.reductions = new Map(reductions.map((reduction) => [reduction.output, reduction]));
  }

  setOf(axes: readonly Axis[]): AxisSet {
    return axes.reduce((set, axis) => set | this.bits.get(axis)!, 0);
  }

  private reductionOf({ node, form }: Member, read: ReadonlySet<string>): Reduction[] {
    const output = node.output[0]!;
    const result = this.layouts.get(output)!;
    if (form.kind === 'rows') {
      const over = this.setOf(leavesOf(form.axes.map((axis) => result[axis]!)));
      const source = form.operands[0]!;
      return over === 0 ? [] : [{ output, over, source, isInner: true, canSumColumns: false }];
    }
    if (form.kind !== 'reduce') return [];
    const { source } = form;
    const over = this.sets.get(source)! & ~this.sets.get(output)!;
    const canSumColumns = form.reduction === 'RowSum' && !form.after;
    return over === 0 ? [] : [{ output, over, source, isInner: read.has(output), canSumColumns }];
  }

  /** The order of axes that most values which have all of them lie in. */
  private commonOrder(axes: readonly Axis[]): readonly Axis[] {
    const votes = new Map<string, { order: Axis[]; count: number }>();
    const isFull = (name: string) => this.sets.get(name) === this.all;
    const outside = [...this.inputs, ...this.outputs].filter(isFull);
    for (const name of outside.length > 0 ? outside : [...this.sets.keys()].filter(isFull)) {
      const order = leavesOf(this.layouts.get(name)!);
      const key = order.map((axis) => this.bits.get(axis)).join();
      const vote = votes.get(key);
      if (vote) vote.count++;
      else votes.set(key, { order, count: 1 });
    }
    return [...votes.values()].sort((a, b) => b.count - a.count)[0]?.order ?? axes;
  }

  /** Sets of axes that may be the columns, the best first. */
  candidates(): AxisSet[] {
    const reductions = [...this.reductions.values()];
    const first = reductions.find(({ isInner }) => isInner) ?? reductions[0];
    if (first?.isInner) return [first.over];
    if (first) {
      const others = this.all & ~first.over;
      const innermost = this.order.at(-1)!;
      return (this.setOf([innermost]) & first.over) !== 0 ? [first.over, others] : [others, first.over];
    }
    const suffixes = [...this.order.keys(), this.order.length].map((start) => {
      const axes = this.order.slice(start);
      const set = this.setOf(axes);
      const extent = extentOf(axes);
      // Repeated along its last axes, a value is one number of each row: cheaper than one of each element.
      const repeated = this.inputs.filter((name) => set !== 0 && (this.sets.get(name)! & set) === 0).length;
      return { set, extent, repeated, isGood: extent >= GOOD_COLUMNS.least && extent <= GOOD_COLUMNS.most };
    });
    return suffixes
      .sort((a, b) => b.repeated - a.repeated || Number(b.isGood) - Number(a.isGood) || b.extent - a.extent)
      .map(({ set }) => set);
  }

  /** Outputs that are sums over all rows; undefined where the columns do not suit every value. */
  columnSums(columns: AxisSet): Set<string> | undefined {
    const rows = this.all & ~columns;
    const sums = new Set<string>();
    for (const { output, over, source, isInner, canSumColumns } of this.reductions.values()) {
      if (this.sets.get(source) !== this.all) return undefined;
      if (over === columns) continue;
      if (isInner || !canSumColumns || over !== rows) return undefined;
      sums.add(output);
    }
    /** Values that are one number of each row. */
    const byRow = new Set<string>();
    const isByRow = (name: string) =>
      byRow.has(name) || (!this.made.has(name) && isWithin(this.sets.get(name)!, rows));
    for (const { node, form } of this.members) {
      const output = node.output[0]!;
      const reduction = this.reductions.get(output);
      if (reduction && isByRow(reduction.source)) return undefined;
      if (sums.has(output)) continue;
      const isReduced = reduction !== undefined && form.kind === 'reduce';
      const sources = readByForm(form).filter((name) => this.sets.has(name));
      if (isReduced || (!reduction && sources.every(isByRow))) byRow.add(output);
      const set = this.sets.get(output)!;
      // One number of each row that is stored repeated, and one of each element that rows do not tell apart, have no place.
      const fits = byRow.has(output) ? !this.outputs.includes(output) || set === rows : set === this.all;
      if (!fits) return undefined;
    }
    return sums;
  }
}
