import type { Problem } from '../../../src/optim/optimizer.js';
import { CpuDevice } from '../../../src/vectors/device/cpu.js';
import type { Device } from '../../../src/vectors/device/device.js';
import { type ParameterGroup, ParameterSpace } from '../../../src/vectors/parameter-space.js';
import { Scalar } from '../../../src/vectors/scalar.js';

const tensors = [
  { name: 'a.weight', dims: [3, 5] },
  { name: 'a.bias', dims: [3] },
  { name: 'b.weight', dims: [7, 3] },
  { name: 'b.bias', dims: [7] },
];

/** Parameters by name, in plain arrays. */
export type Tensors = Record<string, number[]>;

/** Element i of parameter tensor k. */
const startValue = (k: number, i: number): number => Math.fround(Math.sin(1 + 3 * k + i));
const curvature = (k: number, i: number): number => 1 + ((k + i) % 4);
const shift = (k: number, i: number): number => Math.cos(k + 2 * i) / 2;

/** L(w) = Σ aᵢ(wᵢ − cᵢ)²/2 on a real parameter space: g = a(w − c), computed in JavaScript. */
export class Quadratic implements Problem {
  readonly space: ParameterSpace;
  readonly seed: number;
  step = 0;
  /** The parameters at which gradients were asked for since the last step, and what for. */
  visited: { at: Tensors; statistics: 'update' | 'keep' }[] = [];
  /** Replaces the gradient's values. */
  distort = (gradient: Float32Array, _pass: number): Float32Array => gradient;

  constructor({ groups = [], seed = 0, device = new CpuDevice(2) }: Partial<Options> = {}) {
    this.seed = seed;
    this.space = new ParameterSpace(tensors, groups, device);
    for (const [name, values] of Object.entries(start()))
      this.space.arena.write(this.space.parameters, name, Float32Array.from(values));
  }

  async gradient(statistics: 'update' | 'keep', point = this.space.parameters): Promise<Scalar> {
    const { arena, gradient } = this.space;
    const at = this.read(point);
    const pass = this.visited.push({ at, statistics });
    for (const [name, values] of Object.entries(gradientAt(at)))
      arena.write(gradient, name, this.distort(Float32Array.from(values), pass));
    return Scalar.of(lossAt(at));
  }

  get weights(): Tensors {
    return this.read(this.space.parameters);
  }

  read(vector: ParameterSpace['parameters']): Tensors {
    const { arena } = this.space;
    return Object.fromEntries(arena.segments.map(({ name }) => [name, [...arena.read(vector, name)]]));
  }
}

interface Options {
  groups: readonly ParameterGroup[];
  seed: number;
  device: Device;
}

const build = (value: (k: number, i: number) => number): Tensors =>
  Object.fromEntries(
    tensors.map(({ name, dims }, k) => [
      name,
      Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => value(k, i)),
    ]),
  );

export const start = (): Tensors => build(startValue);

export const gradientAt = (w: Tensors): Tensors =>
  build((k, i) => curvature(k, i) * (w[tensors[k]!.name]![i]! - shift(k, i)));

export const lossAt = (w: Tensors): number =>
  flat(build((k, i) => (curvature(k, i) / 2) * (w[tensors[k]!.name]![i]! - shift(k, i)) ** 2)).reduce(
    (sum, x) => sum + x,
    0,
  );

export const flat = (w: Tensors): number[] => Object.values(w).flat();

export const isBias = (name: string): boolean => name.endsWith('.bias');

/** f of the elements of vectors, tensor by tensor. */
export function map(f: (name: string, ...values: number[]) => number, ...vectors: Tensors[]): Tensors {
  const names = Object.keys(vectors[0]!);
  return Object.fromEntries(
    names.map((name) => [
      name,
      vectors[0]![name]!.map((_, i) => f(name, ...vectors.map((vector) => vector[name]![i]!))),
    ]),
  );
}

export const norm = (w: Tensors): number => Math.hypot(...flat(w));
export const minus = (a: Tensors, b: Tensors): Tensors => map((_, x, y) => x - y, a, b);
