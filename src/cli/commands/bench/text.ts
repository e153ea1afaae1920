import Table from 'cli-table3';

export const PLAIN = { style: { head: [], border: [] } };
export const NONE = '–';
/** Many rows: no lines between them. */
const DENSE = { chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' } };

/** @param labels first columns that are names */
export function table(head: readonly string[], rows: readonly (readonly string[])[], labels: number): string {
  const result = new Table({
    head: [...head],
    ...PLAIN,
    ...DENSE,
    colAligns: head.map((_, i) => (i < labels ? ('left' as const) : ('right' as const))),
  });
  result.push(...rows.map((row) => [...row]));
  return result.toString();
}

export const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;
export const mebibytes = (bytes: number): string => {
  const size = bytes / 2 ** 20;
  return `${size.toFixed(size > 0 && size < 10 ? 1 : 0)} MiB`;
};
