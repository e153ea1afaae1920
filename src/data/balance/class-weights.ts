/** How weights of classes follow from how many labels each has. */
export const CLASS_WEIGHTINGS = ['balanced', 'inverse-sqrt'] as const;
export type ClassWeighting = (typeof CLASS_WEIGHTINGS)[number];

/**
 * Weights w_c of classes with n_c labels, n in all, so that Σ n_c·w_c = n:
 * - balanced: n / (k·n_c) over the k classes that have labels (King & Zeng 2001; sklearn.utils.class_weight.compute_class_weight);
 * - inverse-sqrt: n / (√n_c · Σ_j √n_j), halfway to it (square-root sampling of Mahajan et al. 2018, as weights).
 *
 * A class without labels has weight 1: nothing tells another one.
 */
export function classWeights(counts: ArrayLike<number>, how: ClassWeighting): number[] {
  const present = Array.from(counts).filter((count) => count > 0);
  const n = present.reduce((sum, count) => sum + count, 0);
  const roots = present.reduce((sum, count) => sum + Math.sqrt(count), 0);
  return Array.from(counts, (count) => {
    if (count === 0) return 1;
    return how === 'balanced' ? n / (present.length * count) : n / (Math.sqrt(count) * roots);
  });
}

/**
 * Weights of positive targets: for each output the sum of its negative shares by that of its positive ones, or the root of that; 1 where one
 * of them is 0. As torch.nn.BCEWithLogitsLoss has `pos_weight`.
 */
export function positiveWeights(
  positives: ArrayLike<number>,
  negatives: ArrayLike<number>,
  how: ClassWeighting,
): number[] {
  return Array.from(positives, (positive, at) => {
    const negative = negatives[at]!;
    if (positive === 0 || negative === 0) return 1;
    return how === 'balanced' ? negative / positive : Math.sqrt(negative / positive);
  });
}
