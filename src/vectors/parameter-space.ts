import type { DeviceBuffer } from '../addon/types.js';
import { invalid } from '../errors.js';
import { Arena, type Segment, type Shaped } from './arena.js';
import type { Device, Range, RunOptions } from './device/device.js';
import { assign, vector } from './program/expression.js';
import { program, type VectorProgram } from './program/program.js';
import { Scalar } from './scalar.js';

/** A flat float32 vector with the layout of the parameters. */
export type Vector = DeviceBuffer;

/** What sets the parameters of a group apart from the rest; what is absent is as the optimizer says. */
export interface GroupOptions {
  /** Learning rate, or its value at each step (0-based). */
  lr?: number | ((step: number) => number);
  /** λ. */
  weightDecay?: number;
  /** Radius of a SAM perturbation. */
  rho?: number;
  /** No step, no perturbation, no part in the gradient's norm. */
  frozen?: boolean;
  /** The first step (0-based) that trains them; before it they are as frozen, and their momentum is zero. Default 0. */
  from?: number;
}

/** Parameters chosen by name and shape, and their options. The first group that matches a parameter has it. */
export interface ParameterGroup extends GroupOptions {
  /** A whole name, an expression that is found in names, or a choice by name and shape. */
  parameters: RegExp | string | ((name: string, dims: readonly number[]) => boolean);
}

/** A run of neighbouring parameters that share all options. */
export interface Stretch {
  /** Position of the first element in the arena. */
  readonly first: number;
  /** Elements, the padding between its parameters included. */
  readonly count: number;
  /** Of its group; empty where it is in none. */
  readonly options: GroupOptions;
  /** One-dimensional: a bias or a scale. */
  readonly isVector: boolean;
}

/** What a group says in numbers; schedules are checked at each step. */
const NUMBERS = ['lr', 'weightDecay', 'rho', 'from'] as const;

/** @throws FlatminError INVALID_ARGUMENT for a value of a group that is no finite number ≥ 0 */
function checkNumbers(groups: readonly ParameterGroup[]): void {
  for (const [at, group] of groups.entries())
    for (const key of NUMBERS) {
      const value: unknown = group[key];
      const isSchedule = key === 'lr' && typeof value === 'function';
      if (value !== undefined && !isSchedule && !(Number.isFinite(value) && (value as number) >= 0))
        throw invalid(`"${key}" of group ${at + 1}`, 'a finite number ≥ 0', value);
    }
}

const copy = program(assign(vector('target'), vector('source')));

function matches(group: ParameterGroup, { name, dims }: Shaped): boolean {
  const { parameters } = group;
  if (typeof parameters === 'function') return parameters(name, dims);
  return typeof parameters === 'string' ? parameters === name : parameters.test(name);
}

/** All trainable parameters as one vector, and the vectors an optimizer keeps beside it. */
export class ParameterSpace {
  /** The layout of its vectors. */
  readonly arena: Arena;
  /** The parameters w, as sessions read them. */
  readonly parameters: Vector;
  /** Their gradient g, as sessions write it. */
  readonly gradient: Vector;
  /** Those that are ever trained. */
  private readonly unfrozen: readonly Stretch[];
  /** Those of the present step. */
  private stretches: readonly Stretch[] = [];
  private frozen: readonly Segment[] = [];
  private trained: readonly Segment[] = [];
  private readonly vectors: Vector[] = [];

  constructor(
    tensors: readonly Shaped[],
    groups: readonly ParameterGroup[],
    /** Where its vectors are. */
    readonly device: Device,
  ) {
    checkNumbers(groups);
    this.arena = new Arena(tensors);
    this.parameters = this.vector();
    this.gradient = this.vector();
    this.unfrozen = this.layOut(groups);
    this.choose(0);
  }

  /** Lets the groups take part that are trained at a step (0-based): see GroupOptions.from. Sessions call it. */
  beginStep(step: number): void {
    const hasChanged =
      this.unfrozen.filter((stretch) => isFrom(stretch, step)).length !== this.stretches.length;
    if (hasChanged) this.choose(step);
  }

  private choose(step: number): void {
    this.stretches = this.unfrozen.filter((stretch) => isFrom(stretch, step));
    this.trained = this.arena.segments.filter((segment) => this.isTrained(segment));
    this.frozen = this.arena.segments.filter((segment) => !this.isTrained(segment));
  }

  private layOut(groups: readonly ParameterGroup[]): Stretch[] {
    const others: GroupOptions = {};
    const stretches: Stretch[] = [];
    for (const segment of this.arena.segments) {
      const options = groups.find((group) => matches(group, segment)) ?? others;
      if (options.frozen) continue;
      const isVector = segment.dims.length <= 1;
      const last = stretches.at(-1);
      if (
        last &&
        last.options === options &&
        last.isVector === isVector &&
        segment.first - (last.first + last.count) < 16
      ) {
        stretches[stretches.length - 1] = { ...last, count: segment.first + segment.count - last.first };
      } else {
        stretches.push({ first: segment.first, count: segment.count, options, isVector });
      }
    }
    return stretches;
  }

  /** A zero vector, which lives as long as the space. */
  vector(): Vector {
    const made = this.arena.vector(this.device);
    this.vectors.push(made);
    return made;
  }

  /** Frees all vectors; nothing of the space can be used afterwards. */
  dispose(): void {
    for (const vector of this.vectors) vector.dispose();
  }

  /**
   * Runs a program over all parameters that are not frozen at the present step.
   * @param scalars each group's values
   * @returns the program's sums, in the order of their statements
   */
  run(
    program: VectorProgram,
    vectors: Readonly<Record<string, Vector>>,
    scalars: (stretch: Stretch) => Scalars = () => ({}),
    options: RunOptions = {},
  ): Promise<Scalar[]> {
    const rows: Scalars[] = [];
    const ranges = this.stretches.map((stretch): Range => {
      const values = scalars(stretch);
      let row = rows.find((known) => isSame(known, values));
      if (!row) rows.push((row = values));
      return { first: stretch.first, count: stretch.count, scalars: row };
    });
    return this.device.run(program, vectors, merge(ranges), options);
  }

  /** As run, and waits for the sums. */
  async sums(
    program: VectorProgram,
    vectors: Readonly<Record<string, Vector>>,
    scalars?: (stretch: Stretch) => Scalars,
  ): Promise<number[]> {
    return Promise.all((await this.run(program, vectors, scalars)).map((sum) => sum.read()));
  }

  /** Gives a vector the parameters' values where they are frozen: programs leave those elements alone. */
  async copyFrozen(target: Vector): Promise<void> {
    const ranges = this.frozen.map(({ first, count }) => ({ first, count, scalars: none }));
    if (ranges.length > 0) await this.device.run(copy, { source: this.parameters, target }, ranges);
  }

  private isTrained({ first }: Segment): boolean {
    return this.stretches.some((stretch) => first >= stretch.first && first < stretch.first + stretch.count);
  }

  /**
   * Fills a vector with standard normal numbers: element i of the layout takes number i of the stream. Padding and frozen parameters
   * stay as they are.
   * @returns ‖z‖ of the numbers
   */
  async fillNormal(target: Vector, seed: number, stream: number): Promise<Scalar> {
    return (await this.device.fillNormal(target, this.trained, seed, stream)).root;
  }
}

const isFrom = ({ options: { from = 0 } }: Stretch, step: number): boolean => step >= from;

/** Values of a program's scalars, by name. */
export type Scalars = Range['scalars'];
const none: Scalars = {};

function isSame(a: Scalars, b: Scalars): boolean {
  if (a === b) return true;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => isEqual(a[name], b[name]));
}

function isEqual(a: number | Scalar | undefined, b: number | Scalar | undefined): boolean {
  return Object.is(a, b) || (a instanceof Scalar && b instanceof Scalar && a.equals(b));
}

/** Joins neighbouring ranges with the same scalars; the padding between them is zero and stays so. */
function merge(ranges: readonly Range[]): Range[] {
  const merged: Range[] = [];
  for (const range of ranges) {
    const last = merged.at(-1);
    if (last && last.scalars === range.scalars && range.first - (last.first + last.count) < 16) {
      merged[merged.length - 1] = { ...last, count: range.first + range.count - last.first };
    } else {
      merged.push(range);
    }
  }
  return merged;
}
