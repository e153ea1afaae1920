/** Of logits: a probability above ½. */
export const isPredicted = (logit: number): boolean => logit > 0;
/** Targets may be shares. */
export const isPositive = (target: number): boolean => target >= 0.5;
