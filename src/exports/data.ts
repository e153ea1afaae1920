/**
 * Data sets and what makes batches of them.
 * @module flatmin/data
 */
export * from '../data/index.js';
export type { FeedInput } from '../session/check-feed.js';
export type { Feeds } from '../session/feeds.js';
export type { FeedArray } from '../session/gradients.js';
