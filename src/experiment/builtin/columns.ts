/** In the units of the paper's tables. */
export const ACCURACY = { metric: 'accuracy', label: 'accuracy %', factor: 100, digits: 2 };
export const GAP = {
  metric: 'generalizationGap',
  label: 'generalization gap ×10³',
  factor: 1000,
  digits: 1,
};
/** The standard measure (Eq. 4 of the paper). */
export const SHARPNESS = { metric: 'sharpness.ascent', label: 'sharpness ×10³', factor: 1000, digits: 2 };
