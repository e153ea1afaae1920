/** Which axis of a weight counts its filters (output channels, neurons); 0 unless the weight is stored transposed. */
export type FilterAxis = (name: string) => number;

/**
 * Filter normalisation (Li et al. 2018, "Visualizing the Loss Landscape of Neural Nets"): every filter of a direction is scaled to the norm
 * of the same filter of the weights, d_i ← d_i · ‖w_i‖/‖d_i‖, so that surfaces of networks with weights of other scales compare. Biases and
 * BatchNorm's scales, which have one dimension, stay where they are: zero. A zero filter of the direction stays zero.
 * @param direction changed in place; row-major with shape `dims`, as `weights`
 * @param filterAxis the axis whose index is the filter
 */
export function normalizeFilters(
  direction: Float32Array,
  weights: Float32Array,
  dims: readonly number[],
  filterAxis = 0,
): void {
  if (dims.length <= 1) {
    direction.fill(0);
    return;
  }
  const filters = dims[filterAxis]!;
  const inner = dims.slice(filterAxis + 1).reduce((product, dim) => product * dim, 1);
  const filterOf = (index: number) => Math.floor(index / inner) % filters;
  const [own, target] = [new Float64Array(filters), new Float64Array(filters)];
  for (let i = 0; i < direction.length; i++) {
    const filter = filterOf(i);
    own[filter]! += direction[i]! ** 2;
    target[filter]! += weights[i]! ** 2;
  }
  for (let i = 0; i < direction.length; i++) {
    const filter = filterOf(i);
    if (own[filter]! > 0) direction[i]! *= Math.sqrt(target[filter]! / own[filter]!);
  }
}
