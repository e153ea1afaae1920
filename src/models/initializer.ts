import { normals, uniforms } from '../addon/random.js';

/** Seeded initial values: the n-th tensor asked for takes the n-th random stream. */
export class Initializer {
  private stream = 0;

  constructor(private readonly seed: number) {}

  /** N(0, deviation²) */
  normal(count: number, deviation: number): Float32Array {
    const values = normals(count, this.seed, this.stream++);
    for (let i = 0; i < count; i++) values[i]! *= deviation;
    return values;
  }

  /** U(−bound, bound) */
  uniform(count: number, bound: number): Float32Array {
    const values = uniforms(count, this.seed, this.stream++);
    for (let i = 0; i < count; i++) values[i] = (2 * values[i]! - 1) * bound;
    return values;
  }
}
