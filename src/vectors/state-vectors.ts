import type { ParameterSpace, Vector } from './parameter-space.js';

/** The vectors an optimizer keeps for each model it is used on, made (as zeros) when first asked for. */
export class StateVectors {
  private readonly spaces = new WeakMap<ParameterSpace, Map<string, Vector>>();

  /** The vector of that name, which lives as long as the space. */
  get(space: ParameterSpace, name: string): Vector {
    const vectors = this.spaces.get(space) ?? new Map<string, Vector>();
    this.spaces.set(space, vectors);
    const vector = vectors.get(name) ?? space.vector();
    vectors.set(name, vector);
    return vector;
  }
}
