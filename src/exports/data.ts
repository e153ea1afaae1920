/**
 * Data sets and what makes batches of them.
 * @module flatmin/data
 */
export * from '../data/index.js';
export { type HubDataset, type HubDatasetOptions, hubDataset } from '../hub/dataset.js';
export type { DownloadProgress, HubOptions } from '../hub/options.js';
export type { FeedInput } from '../session/feed/check-feed.js';
export type { Feeds } from '../session/feed/feeds.js';
export type { FeedArray } from '../session/gradients.js';
