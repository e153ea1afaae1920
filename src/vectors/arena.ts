import type { DeviceBuffer } from '../addon/types.js';
import type { Device } from './device/device.js';

/** A tensor: its name and shape. */
export interface Shaped {
  /** Unique among the tensors of an arena. */
  readonly name: string;
  /** Sizes of its axes; empty for a scalar. */
  readonly dims: readonly number[];
}

/** Where a tensor lies in an arena. */
export interface Segment extends Shaped {
  /** Position of the first element in the arena, a multiple of 16. */
  readonly first: number;
  /** Its elements, without padding. */
  readonly count: number;
}

/** Elements between aligned starts: 64 bytes of float32. */
const alignment = 16;

/**
 * One flat layout for many float32 tensors. Every vector of the arena (weights, gradients, momentum, …) has the same layout, so an
 * optimizer works on whole vectors. The padding between segments is zero in all of them, always.
 */
export class Arena {
  /** One for each tensor, in the order given. */
  readonly segments: readonly Segment[];
  /** Elements of a vector, padding included. */
  readonly length: number;
  private readonly byName: ReadonlyMap<string, Segment>;

  constructor(tensors: readonly Shaped[]) {
    let first = 0;
    this.segments = tensors.map(({ name, dims }) => {
      const count = dims.reduce((product, dim) => product * dim, 1);
      const segment = { name, dims, first, count };
      first += Math.ceil(count / alignment) * alignment;
      return segment;
    });
    this.length = first;
    this.byName = new Map(this.segments.map((segment) => [segment.name, segment]));
  }

  /** Where a tensor lies. @throws RangeError for a name that the arena does not have */
  segment(name: string): Segment {
    const found = this.byName.get(name);
    if (!found) throw new RangeError(`The arena has no tensor "${name}".`);
    return found;
  }

  /** Elements without padding. */
  get count(): number {
    return this.segments.reduce((sum, { count }) => sum + count, 0);
  }

  /** A zero-filled vector with this layout. */
  vector(device: Device): DeviceBuffer {
    return device.allocate(this.length * 4);
  }

  /** The part of a vector that holds one tensor. */
  view(vector: DeviceBuffer, name: string): DeviceBuffer {
    const { first, count } = this.segment(name);
    return vector.view(first * 4, count * 4);
  }

  /** Copies one tensor out of a vector. */
  read(vector: DeviceBuffer, name: string): Float32Array {
    const { first, count } = this.segment(name);
    const out = new Float32Array(count);
    vector.read(out, first * 4);
    return out;
  }

  /**
   * Fills `target` with the bytes of one tensor from `byteOffset` on.
   * @internal
   */
  readBytes(vector: DeviceBuffer, name: string, target: Uint8Array, byteOffset: number): void {
    const { first, count } = this.segment(name);
    if (byteOffset + target.byteLength > count * 4)
      throw new RangeError(
        `Tensor "${name}" has ${count * 4} bytes, but ${target.byteLength} at ${byteOffset} were asked for.`,
      );
    vector.read(target, first * 4 + byteOffset);
  }

  /** Copies one tensor into a vector. */
  write(vector: DeviceBuffer, name: string, values: Float32Array): void {
    const { first, count } = this.segment(name);
    if (values.length !== count)
      throw new RangeError(`Tensor "${name}" has ${count} elements, but ${values.length} were given.`);
    vector.write(values, first * 4);
  }
}
