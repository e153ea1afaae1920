import Table from 'cli-table3';

/** cli-table3 takes the square of the rows. */
const ROWS_AT_ONCE = 100;

/** A table with a head, in time that grows as its rows. Cells are of one line. */
export function longTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const count = Math.max(1, Math.ceil(rows.length / ROWS_AT_ONCE));
  const parts = Array.from({ length: count }, (_, part) =>
    rows.slice(part * ROWS_AT_ONCE, (part + 1) * ROWS_AT_ONCE),
  );
  if (count === 1) return lines(head, rows).join('\n');
  const widths = parts.map((part) => columnWidths(lines(head, part)[0]!));
  const colWidths = head.map((_, column) => Math.max(...widths.map((each) => each[column]!)));
  return parts
    .flatMap((part, index) => {
      const made = lines(head, part, colWidths);
      // The parts share a rule: the last of one is left out, and so are the first and the head of the next.
      return made.slice(index === 0 ? 0 : 2, index === count - 1 ? undefined : -1);
    })
    .join('\n');
}

function lines(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  colWidths?: number[],
): string[] {
  const table = new Table({
    head: [...head],
    style: { head: [], border: [] },
    ...(colWidths && { colWidths }),
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString().split('\n');
}

/** Of the rule above a table. */
const columnWidths = (rule: string): number[] =>
  rule
    .slice(1, -1)
    .split('┬')
    .map(({ length }) => length);
