import { evaluatedMetrics, metricsOf } from './defaults.js';
import type { Metric, Task } from './metric.js';
import { METRICS } from './registry.js';

/** What early stopping and the best checkpoint go by. */
export type Followed = Pick<Metric, 'name' | 'title' | 'better' | 'unit'>;

const loss: Followed = { name: 'loss', title: 'loss', better: 'lower', unit: 'number' };

/** What a run can follow: the loss, or a metric. */
export const FOLLOWED_NAMES = [loss.name, ...METRICS.map(({ name }) => name)] as [string, ...string[]];

/**
 * What a run follows. Without a name the accuracy where the task has one, else the loss.
 * @returns undefined where the task has no metric of that name
 */
export function followedOf(task: Task | undefined, name: string | undefined): Followed | undefined {
  if (name === undefined) return evaluatedMetrics(task).find((each) => each.name === 'accuracy') ?? loss;
  return name === loss.name ? loss : metricsOf(task).find((each) => each.name === name);
}

/** The names that a task can have. */
export const followable = (task: Task | undefined): string[] => [
  loss.name,
  ...metricsOf(task).map(({ name }) => name),
];

/** What is followed in an evaluation; undefined where it has no such figure. */
export const followedValue = (
  { name }: Pick<Followed, 'name'>,
  { loss: ofLoss, metrics }: { readonly loss: number; readonly metrics: Readonly<Record<string, number>> },
): number | undefined => (name === loss.name ? ofLoss : metrics[name]);

/** Whether a value is better than the best so far; NaN stands for none yet. */
export const isBetter = (value: number, best: number, better: Followed['better']): boolean =>
  !Number.isNaN(value) && (Number.isNaN(best) || (better === 'higher' ? value > best : value < best));
