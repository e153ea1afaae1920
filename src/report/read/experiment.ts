import { isObject, type Json, numberOr } from './json.js';

export interface ExperimentColumn {
  readonly metric: string;
  readonly label: string;
  readonly factor: number;
  readonly digits: number;
}

export interface ExperimentCell {
  readonly mean: number | null;
  /** Null for a single value. */
  readonly std: number | null;
  readonly n: number;
  /** The paper's; its deviation may be a bound: "<0.1". */
  readonly paper: { readonly mean: number; readonly std: number | string | null } | undefined;
}

export interface ExperimentRow {
  readonly data: string;
  readonly variant: string;
  readonly label: string;
  readonly cells: readonly ExperimentCell[];
}

export interface ExperimentJob {
  readonly id: string;
  readonly data: string;
  readonly variant: string;
  readonly seed: number;
  readonly metrics: Json;
}

/** results.json of an experiment. */
export interface Experiment {
  readonly title: string;
  readonly scale: string;
  readonly about: string | undefined;
  readonly source: string | undefined;
  readonly rowsName: string;
  readonly seeds: readonly number[];
  readonly columns: readonly ExperimentColumn[];
  readonly rows: readonly ExperimentRow[];
  readonly jobs: readonly ExperimentJob[];
  readonly paperOf: Json;
}

/** Undefined where it is not of the form of results.json. */
export function experimentOf(value: Json): Experiment | undefined {
  const { columns, table } = value;
  if (!Array.isArray(columns) || !Array.isArray(table) || typeof value.title !== 'string') return undefined;
  if (![...columns, ...table].every(isObject)) return undefined;
  const named = (columns as Json[]).map((column) => ({
    metric: String(column.metric),
    label: String(column.label ?? column.metric),
    factor: numberOr(column.factor, 1),
    digits: Math.min(12, Math.max(0, Math.trunc(numberOr(column.digits, 2)))),
  }));
  return {
    title: value.title,
    scale: text(value.scale) ?? '',
    about: text(value.about),
    source: text(value.source),
    rowsName: text(value.rows) ?? 'variant',
    seeds: Array.isArray(value.seeds) ? value.seeds.filter((seed) => typeof seed === 'number') : [],
    columns: named,
    rows: (table as Json[]).map((row) => ({
      data: String(row.data ?? ''),
      variant: String(row.variant ?? ''),
      label: String(row.label ?? row.variant ?? ''),
      cells: named.map(({ metric }) => cellOf(row.cells, metric)),
    })),
    jobs: Array.isArray(value.jobs) ? (value.jobs.filter(isObject) as Json[]).map(jobOf) : [],
    paperOf: isObject(value.paperOf) ? value.paperOf : {},
  };
}

function cellOf(cells: unknown, metric: string): ExperimentCell {
  const cell: unknown = Array.isArray(cells)
    ? cells.find((each) => isObject(each) && each.metric === metric)
    : undefined;
  const { measured, paper } = isObject(cell) ? cell : ({} as Json);
  const statistics = isObject(measured) ? measured : {};
  const mean = isObject(paper) ? numberOr(paper.mean, undefined) : undefined;
  return {
    mean: numberOr(statistics.mean, null),
    std: numberOr(statistics.std, null),
    n: numberOr(statistics.n, 0),
    paper:
      mean === undefined
        ? undefined
        : { mean, std: text((paper as Json).std) ?? numberOr((paper as Json).std, null) },
  };
}

function jobOf(job: Json): ExperimentJob {
  return {
    id: String(job.id ?? ''),
    data: String(job.data ?? ''),
    variant: String(job.variant ?? ''),
    seed: numberOr(job.seed, 0),
    metrics: isObject(job.metrics) ? job.metrics : {},
  };
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
