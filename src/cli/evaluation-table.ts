import Table from 'cli-table3';
import type { EvaluationFile } from '../formats/run/evaluation.js';
import { formatMetric, titleOf } from '../metrics/shown.js';

const PLAIN = { style: { head: [], border: [] } };

/** More classes have no confusion matrix on a terminal: --json has it. */
const MOST_COLUMNS = 20;

/** An evaluation for people: the loss, a row for each metric, and what is known of each class. */
export function evaluationTable(evaluation: EvaluationFile): string {
  const { model, data, part, samples, lossName, loss, metrics, details, classNames } = evaluation;
  const figures = new Table({ ...PLAIN, colAligns: ['left', 'right'] });
  figures.push(
    [lossName, loss.toPrecision(4)],
    ...Object.entries(metrics).map(([name, value]) => [titleOf(name), formatMetric(name, value)]),
  );
  const parts = [`${model} on ${samples} ${part} samples of ${data}`, figures.toString()];
  if (details) parts.push(classTable(details, classNames), ...confusionTable(details, classNames));
  return parts.join('\n');
}

type Details = NonNullable<EvaluationFile['details']>;
type Names = EvaluationFile['classNames'];

function classTable({ perClass }: Details, names: Names): string {
  const head = ['class', 'precision', 'recall', 'F1', 'IoU', 'labels'];
  const table = new Table({
    head,
    ...PLAIN,
    colAligns: ['left', ...head.slice(1).map(() => 'right' as const)],
  });
  for (const [index, { precision, recall, f1, iou, support }] of perClass.entries())
    table.push([nameOf(names, index), ...[precision, recall, f1, iou].map(percent), String(support)]);
  return table.toString();
}

function confusionTable({ confusion }: Details, names: Names): string[] {
  if (!confusion || confusion.length > MOST_COLUMNS) return [];
  const head = ['label \\ predicted', ...confusion.map((_, index) => nameOf(names, index))];
  const table = new Table({ head, ...PLAIN, colAligns: ['left', ...confusion.map(() => 'right' as const)] });
  for (const [index, row] of confusion.entries())
    table.push([nameOf(names, index), ...row.map((count) => (count === 0 ? '·' : String(count)))]);
  return [table.toString()];
}

const nameOf = (names: Names, index: number): string => names?.[index] ?? String(index);
const percent = (share: number | null): string => (share === null ? '–' : `${(100 * share).toFixed(2)} %`);
