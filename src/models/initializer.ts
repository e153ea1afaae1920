import { normals, uniforms } from '../addon/random.js';
import { allocating } from '../errors.js';

const WHAT = 'A layer of weights';
const BYTES = Float32Array.BYTES_PER_ELEMENT;

/** Seeded initial values: the n-th tensor asked for takes the n-th random stream. */
export class Initializer {
  private stream = 0;

  constructor(private readonly seed: number) {}

  /** N(0, deviation²) */
  normal(count: number, deviation: number): Float32Array {
    const values = allocating(WHAT, BYTES * count, () => normals(count, this.seed, this.stream++));
    for (let i = 0; i < count; i++) values[i]! *= deviation;
    return values;
  }

  /** U(−bound, bound) */
  uniform(count: number, bound: number): Float32Array {
    const values = allocating(WHAT, BYTES * count, () => uniforms(count, this.seed, this.stream++));
    for (let i = 0; i < count; i++) values[i] = (2 * values[i]! - 1) * bound;
    return values;
  }
}
