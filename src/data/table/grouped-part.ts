import type { ArrayColumn } from '../arrays/array-maker.js';
import type { ParquetFile } from './parquet-file.js';
import { groupOf, type PlacedGroup } from './row-groups.js';

/** Row groups of a part and which of their rows it has, ascending; absent: all. */
export interface GroupedPart {
  readonly groups: readonly PlacedGroup[];
  readonly arrays: readonly ArrayColumn[];
  readonly rows: Int32Array | undefined;
}

/** The row groups of files, one behind the other. */
export function placed(files: readonly ParquetFile[]): PlacedGroup[] {
  let start = 0;
  return files.flatMap(({ file, groups }) =>
    groups.map((group) => {
      const own = { ...group, file, start };
      start += group.count;
      return own;
    }),
  );
}

/** The rows of a part by the group that has them, ascending. */
export function rowsByGroup(groups: readonly PlacedGroup[], rows: Int32Array): Map<number, number[]> {
  const byGroup = new Map<number, number[]>();
  for (const row of rows) {
    const group = groupOf(groups, row);
    const own = byGroup.get(group);
    if (own) own.push(row);
    else byGroup.set(group, [row]);
  }
  return byGroup;
}
