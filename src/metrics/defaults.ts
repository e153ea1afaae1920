import type { Task } from './metric.js';
import { type AnyMetric, METRICS } from './registry.js';

/** What is evaluated unless more is asked for: scores of a sample, of tokens (samples × tokens × classes) and of pixels. */
const DEFAULTS = {
  samples: ['accuracy', 'top-5', 'balanced-accuracy', 'macro-f1', 'nll', 'ece'],
  tokens: ['accuracy', 'top-5', 'perplexity'],
  pixels: ['accuracy', 'balanced-accuracy', 'mean-iou'],
  values: ['mae', 'rmse', 'r2'],
  binary: ['binary-accuracy', 'binary-f1', 'auc'],
  sequences: ['cer'],
};

/** What class scores are of, told by their axes. */
const classesOf = ({ rank }: Task): 'samples' | 'tokens' | 'pixels' =>
  rank <= 2 ? 'samples' : rank === 3 ? 'tokens' : 'pixels';

/** Every metric that a task can have. */
export const metricsOf = (task: Task | undefined): AnyMetric[] =>
  METRICS.filter(({ of, appliesTo }) => of === task?.kind && (appliesTo?.(task) ?? true));

/** Those that are evaluated, in the order of the registry. @param also the name of one that is to be among them */
export function evaluatedMetrics(task: Task | undefined, also?: string | undefined): AnyMetric[] {
  if (!task) return [];
  const names = DEFAULTS[task.kind === 'classes' ? classesOf(task) : task.kind];
  return metricsOf(task).filter(({ name }) => names.includes(name) || name === also);
}
