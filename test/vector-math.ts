/** Σ aᵢbᵢ, in float64. */
const dot = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, index) => sum + value * b[index]!, 0);

export const norm = (a: Float32Array): number => Math.sqrt(dot(a, a));

/** a·b / (‖a‖ ‖b‖); 1 for two that are empty. */
export const cosine = (a: Float32Array, b: Float32Array): number =>
  a.length === 0 ? 1 : dot(a, b) / (norm(a) * norm(b));

/** ‖a − b‖ / ‖b‖ */
export const distance = (a: Float32Array, b: Float32Array): number =>
  norm(a.map((value, index) => value - b[index]!)) / norm(b);
