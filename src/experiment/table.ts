import type { Cell, ExperimentResults, Figure, ResultRow, Statistics } from '../formats/run/results.js';

/** A table of texts; the first `labels` columns are names, the others figures. */
export interface TextTable {
  readonly head: readonly string[];
  readonly labels: number;
  readonly rows: readonly (readonly string[])[];
  /** What to know about it. */
  readonly notes: readonly string[];
}

/** The table of results as people read it: mean ± standard deviation, the paper's figure beside it where there is one. */
export function textTable(results: ExperimentResults): TextTable {
  const { columns, table } = results;
  const showsData = new Set(table.map(({ data }) => data)).size > 1;
  const hasPaper = columns.map((_, index) => table.some(({ cells }) => cells[index]!.paper));
  const row = ({ data, label, cells }: ResultRow) => [
    ...(showsData ? [data] : []),
    label,
    ...cells.flatMap((cell, index) => cellTexts(cell, columns[index]!.digits, hasPaper[index]!)),
  ];
  const upright: TextTable = {
    head: [
      ...(showsData ? ['data'] : []),
      results.rows,
      ...columns.flatMap(({ label }, index) => [label, ...(hasPaper[index] ? ['paper'] : [])]),
    ],
    labels: showsData ? 2 : 1,
    rows: table.map(row),
    notes: notesOf(results, hasPaper.includes(true)),
  };
  return results.transposed ? transpose(upright) : upright;
}

function transpose({ head, labels, rows, notes }: TextTable): TextTable {
  return {
    head: [head.slice(0, labels).join(' '), ...rows.map((row) => row.slice(0, labels).join(' '))],
    labels: 1,
    rows: head.slice(labels).map((name, column) => [name, ...rows.map((row) => row[labels + column]!)]),
    notes,
  };
}

/** "97.31 ± 0.08"; one value has no deviation. */
export function formatStatistics({ mean, std }: Statistics, digits: number): string {
  return std === null ? mean.toFixed(digits) : `${mean.toFixed(digits)} ± ${std.toFixed(digits)}`;
}

/** GitHub-flavoured Markdown, with a title and the notes. */
export function markdownTable(title: string, { head, labels, rows, notes }: TextTable): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = head.map((_, index) => (index < labels ? '---' : '---:'));
  return [
    `## ${title}`,
    '',
    line(head),
    line(rule),
    ...rows.map(line),
    '',
    ...notes.map((note) => `- ${note}`),
    '',
  ].join('\n');
}

/** One line a job, all its metrics unrounded and in their own units; empty where there is none. */
export function jobsCsv({ jobs }: ExperimentResults): string {
  const metrics = [...new Set(jobs.flatMap((job) => Object.keys(job.metrics)))];
  const lines = jobs.map(({ data, variant, seed, metrics: own }) =>
    [data, variant, seed, ...metrics.map((metric) => own[metric] ?? '')].join(),
  );
  return `${[['data', 'variant', 'seed', ...metrics].join(), ...lines].join('\n')}\n`;
}

function cellTexts({ measured, paper }: Cell, digits: number, withPaper: boolean): string[] {
  const text = measured ? formatStatistics(measured, digits) : '–';
  return withPaper ? [text, paper ? formatFigure(paper) : '–'] : [text];
}

/** With as many places for both as the longer one has; a bound as it is. */
function formatFigure({ mean, std }: Figure): string {
  if (typeof std !== 'number') return std === undefined ? `${mean}` : `${mean} ± ${std}`;
  const places = Math.max(...[mean, std].map((value) => `${value}`.split('.')[1]?.length ?? 0));
  return `${mean.toFixed(places)} ± ${std.toFixed(places)}`;
}

function notesOf(
  { seeds, about, source, paperOf, scale, table }: ExperimentResults,
  hasPaper: boolean,
): string[] {
  const data = [...new Set(table.map((row) => row.data))].join(', ');
  const notes = [
    seeds.length > 1
      ? `Mean ± sample standard deviation (ddof = 1) over ${seeds.length} seeds: ${seeds.join(', ')}.`
      : `One seed (${seeds[0]}): no standard deviation.`,
    `Scale ${scale}, ${data}${about ? `: ${about}` : '.'}`,
  ];
  if (!hasPaper) return notes;
  const stands = Object.entries(paperOf).map(
    ([data, other]) => ` Beside ${data} stand its figures of ${other}.`,
  );
  return [...notes, `paper: ${source ?? 'as the experiment gives it'}.${stands.join('')}`];
}
