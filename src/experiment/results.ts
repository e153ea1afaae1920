import type { JobResult } from './job-folder.js';
import type { Plan } from './plan.js';
import type { Figure } from './schema.js';
import { type Statistics, statisticsOf } from './statistics.js';

/** One metric of one row, in the column's unit. */
export interface Cell {
  readonly metric: string;
  /** Null where a job has no such value. */
  readonly measured: Statistics | null;
  /** The paper's. */
  readonly paper: Figure | null;
}

export interface ResultRow {
  readonly data: string;
  readonly variant: string;
  readonly label: string;
  /** One for each column. */
  readonly cells: readonly Cell[];
}

/** `results.json`. It holds nothing that differs between two runs of the same settings, but for times where a column asks for them. */
export interface ExperimentResults {
  readonly name: string;
  readonly title: string;
  readonly scale: string;
  readonly about: string | null;
  readonly source: string | null;
  /** Heading of the variants. */
  readonly rows: string;
  readonly seeds: readonly number[];
  /** Of the standard deviations: the denominator is n − ddof. */
  readonly ddof: 1;
  readonly columns: readonly { metric: string; label: string; factor: number; digits: number }[];
  /** Whether variants are printed as columns. */
  readonly transposed: boolean;
  /** Data set → the one whose figures of the paper stand beside it. */
  readonly paperOf: Readonly<Record<string, string>>;
  readonly table: readonly ResultRow[];
  readonly sharpnessOptions: unknown;
  readonly jobs: readonly JobRecord[];
}

export type JobRecord = Pick<JobResult, 'id' | 'data' | 'variant' | 'seed' | 'metrics'>;

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
