import type { Objective } from '../../../src/sharpness/objective.js';
import { CpuDevice } from '../../../src/vectors/device/cpu.js';
import type { Device } from '../../../src/vectors/device/device.js';
import { type ParameterGroup, ParameterSpace, type Vector } from '../../../src/vectors/parameter-space.js';

const tensors = [
  { name: 'a.weight', dims: [3, 5] },
  { name: 'a.bias', dims: [3] },
  { name: 'b.weight', dims: [7, 3] },
  { name: 'b.bias', dims: [7] },
];

/** Parameters of the space. */
export const SIZE = 46;

export type Matrix = readonly (readonly number[])[];

export const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, x, i) => sum + x * b[i]!, 0);
export const norm = (a: readonly number[]): number => Math.sqrt(dot(a, a));
export const times = (a: Matrix, x: readonly number[]): number[] => a.map((row) => dot(row, x));

/** Eigenvalues of the test matrices, in descending order: well apart at the top, many near zero, some negative. */
export const SPECTRUM = Array.from({ length: SIZE }, (_, i) =>
  i < 6 ? 12 / (i + 1) : i < 40 ? 0.02 * (40 - i) : -0.3 * (i - 39),
).sort((a, b) => b - a);

export const diagonal = (values: readonly number[]): number[][] =>
  values.map((value, i) => values.map((_, j) => (i === j ? value : 0)));

/** QᵀDQ of two Householder reflections: the spectrum D in a basis that is no parameter's. */
export function rotated(spectrum: readonly number[]): number[][] {
  let matrix = diagonal(spectrum);
  for (const phase of [1, 2.3]) {
    const raw = spectrum.map((_, i) => Math.sin(phase * (i + 1) + 0.1 * i * i));
    const u = raw.map((x) => x / norm(raw));
    const reflect = (row: readonly number[]) => {
      const overlap = 2 * dot(row, u);
      return row.map((x, i) => x - overlap * u[i]!);
    };
    const transpose = (a: Matrix) => a.map((_, i) => a.map((row) => row[i]!));
    matrix = transpose(transpose(matrix.map(reflect)).map(reflect));
  }
  return matrix;
}

/** w, in the order of the layout. */
export const START = Array.from({ length: SIZE }, (_, i) => Math.fround(Math.sin(1 + 3 * i) / 2));

/** L(w) = ½wᵀAw on a real parameter space, in float64. */
export class QuadraticObjective implements Objective {
  readonly space: ParameterSpace;
  passes = { gradients: 0, losses: 0 };

  constructor(
    readonly matrix: Matrix,
    readonly options: {
      groups?: readonly ParameterGroup[];
      start?: readonly number[];
      samples?: number;
      space?: ParameterSpace;
      device?: Device;
      parts?: readonly { matrix: Matrix; samples: number }[];
    } = {},
  ) {
    this.space =
      options.space ?? new ParameterSpace(tensors, options.groups ?? [], options.device ?? new CpuDevice(2));
    if (!options.space) this.write(this.space.parameters, options.start ?? START);
  }

  get samples(): number {
    return this.options.samples ?? 1;
  }

  async loss(at: Vector = this.space.parameters): Promise<number> {
    this.passes.losses++;
    return this.value(this.read(at));
  }

  async gradient(at: Vector = this.space.parameters): Promise<number> {
    this.passes.gradients++;
    const w = this.read(at);
    this.write(this.space.gradient, times(this.matrix, w));
    return this.value(w);
  }

  batches(): Objective[] {
    const { parts = [] } = this.options;
    return parts.map(({ matrix, samples }) => new QuadraticObjective(matrix, { samples, space: this.space }));
  }

  read(vector: Vector): number[] {
    const { arena } = this.space;
    return arena.segments.flatMap(({ name }) => [...arena.read(vector, name)]);
  }

  write(vector: Vector, values: readonly number[]): void {
    const { arena } = this.space;
    let at = 0;
    for (const { name, count } of arena.segments)
      arena.write(vector, name, Float32Array.from(values.slice(at, (at += count))));
  }

  private value(w: readonly number[]): number {
    return dot(w, times(this.matrix, w)) / 2;
  }
}

/** L(w + ε) − L(w) of the quadratic with Hessian A and gradient g. */
export const rise = (a: Matrix, g: readonly number[], epsilon: readonly number[]): number =>
  dot(g, epsilon) + dot(epsilon, times(a, epsilon)) / 2;

/**
 * max gᵀε + ½εᵀAε over ‖ε‖ = ρ from A's eigenvalues and g in its eigenbasis: ε = (μ − A)⁻¹g with the one μ above the largest
 * eigenvalue for which ‖ε‖ = ρ.
 */
export function greatestRise(spectrum: readonly number[], g: readonly number[], rho: number): number {
  const at = (mu: number) => spectrum.map((lambda, i) => g[i]! / (mu - lambda));
  let low = Math.max(...spectrum);
  let high = low + norm(g) / rho;
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (norm(at(middle)) > rho) low = middle;
    else high = middle;
  }
  return rise(diagonal(spectrum), g, at(high));
}
