import { freemem } from 'node:os';

/** Of the memory that is free, and at most: for images that are decoded. */
const KEPT_SHARE = 0.25;
const MOST_KEPT = 2 ** 30;

/** Bytes that the images of a set may be kept in. */
export const keptBudget = (): number => Math.min(MOST_KEPT, KEPT_SHARE * freemem());
