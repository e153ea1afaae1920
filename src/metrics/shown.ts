import { metricNamed } from './registry.js';

/** What a metric is called in tables and charts; a name of another version is shown as it is. */
export const titleOf = (name: string): string => metricNamed(name)?.title ?? name;

/** A figure for people: shares in per cent, with two digits behind the point, others with four digits. */
export const formatMetric = (name: string, value: number): string =>
  isShare(name) ? `${(100 * value).toFixed(2)} %` : value.toPrecision(4);

/** Whether a metric is shown in per cent. */
export const isShare = (name: string): boolean => metricNamed(name)?.unit === 'share';

/** The names of the metrics that some evaluations have, each once. */
export const namesIn = (evaluations: readonly Readonly<Record<string, number>>[]): string[] => [
  ...new Set(evaluations.flatMap((metrics) => Object.keys(metrics))),
];
