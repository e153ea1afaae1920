import type { JobResult } from '../formats/run/job.js';
import type { Cell, ExperimentResults, ResultRow, Statistics } from '../formats/run/results.js';
import type { Plan } from './plan.js';

/** Tabulates the complete set of a plan's jobs, in the plan's order. */
export function tabulate(plan: Plan, jobs: readonly JobResult[]): ExperimentResults {
  const { experiment, scale, scaleName, seeds } = plan;
  const { name, title, rows, columns, transposed, source = null } = experiment;
  return {
    name,
    title,
    scale: scaleName,
    about: scale.about ?? null,
    source,
    rows,
    seeds,
    ddof: 1,
    columns,
    transposed,
    paperOf: scale.paperOf,
    table: scale.data.flatMap((data) => plan.variants.map((variant) => rowOf(plan, jobs, data, variant))),
    sharpnessOptions: plan.jobs[0]!.sharpness ?? null,
    jobs: jobs.map(({ id, data, variant, seed, metrics }) => ({
      id,
      data,
      variant,
      seed,
      metrics: withoutTimes(metrics, columns),
    })),
  };
}

function rowOf(
  { experiment, scale }: Plan,
  jobs: readonly JobResult[],
  data: string,
  variant: Plan['variants'][number],
): ResultRow {
  const own = jobs.filter((job) => job.data === data && job.variant === variant.name);
  const figures = variant.paper[scale.paperOf[data] ?? data] ?? {};
  const cells = experiment.columns.map(({ metric, factor }): Cell => {
    const values = own.map(({ metrics }) => metrics[metric]);
    const complete = values.every((value): value is number => typeof value === 'number');
    return {
      metric,
      measured: complete ? statisticsOf(values.map((value) => factor * value)) : null,
      paper: figures[metric] ?? null,
    };
  });
  return { data, variant: variant.name, label: variant.label ?? variant.name, cells };
}

function withoutTimes(
  metrics: JobResult['metrics'],
  columns: ExperimentResults['columns'],
): JobResult['metrics'] {
  if (columns.some(({ metric }) => metric === 'secondsPerStep')) return metrics;
  const { secondsPerStep: _, ...others } = metrics;
  return others;
}

/** Mean and sample standard deviation (ddof = 1) of at least one value. */
export function statisticsOf(values: readonly number[]): Statistics {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: n > 1 ? Math.sqrt(squares / (n - 1)) : null, n };
}
