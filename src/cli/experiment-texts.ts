import Table from 'cli-table3';
import type { ExperimentReport } from '../experiment/run-experiment.js';
import type { JobEvent } from '../experiment/run-jobs.js';
import { textTable } from '../experiment/table.js';
import type { ExperimentResults } from '../formats/run/results.js';
import { formatDuration } from '../run/listeners/progress.js';

/** The title, the table and what to know about it. */
export function experimentTable(results: ExperimentResults): string {
  const { head, labels, rows, notes } = textTable(results);
  const table = new Table({
    head: [...head],
    style: { head: [], border: [] },
    colAligns: head.map((_, index) => (index < labels ? 'left' : 'right')),
  });
  table.push(...rows.map((row) => [...row]));
  return [results.title, table.toString(), ...notes].join('\n');
}

/** Which jobs are missing in a table, and why. */
export function missingText({ missing, total }: ExperimentReport): string {
  const lines = missing.map(
    ({ id, reason, message }) => `  ${id}: ${reason}${message === undefined ? '' : `: ${message}`}`,
  );
  const count = `${missing.length} of ${total} jobs ${missing.length === 1 ? 'is' : 'are'} missing`;
  return `There is no table yet: ${count}.\n${lines.join('\n')}\nThe same command does what is not done.`;
}

export function reportEvent(event: JobEvent): string {
  const { id } = event.job;
  if (event.kind === 'in use') return `${id} is left to the process that holds it.`;
  if (event.kind === 'failed') {
    const message = event.error instanceof Error ? event.error.message : String(event.error);
    return `${id} failed: ${message}${event.again ? ' It is tried again after the others.' : ''}`;
  }
  const { position, total, secondsLeft } = event;
  const left = secondsLeft === undefined ? '' : `, about ${formatDuration(secondsLeft)} left`;
  return `Job ${position} of ${total}: ${id}${left}`;
}
