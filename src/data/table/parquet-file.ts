import type * as Parquet from 'hyparquet';
import type { AsyncBuffer, ColumnChunk, Compressors, FileMetaData, SchemaTree } from 'hyparquet';
import { FlatminError } from '../../errors.js';
import type { ColumnKind, Rows, TableColumn, TableFile } from './table-file.js';

/** Neighbouring rows that are compressed together. */
export interface RowGroup {
  readonly first: number;
  readonly count: number;
  /** Of its columns of bytes, unpacked. */
  readonly bytes: number;
}

/** A Parquet file, which can be read a row group at a time. */
export interface ParquetFile extends TableFile {
  readonly rows: number;
  readonly groups: readonly RowGroup[];
  readGroup(group: RowGroup, names: readonly string[]): Promise<Rows>;
}

interface Library {
  readonly parquet: typeof Parquet;
  readonly compressors: Compressors;
}

const importLibrary = async (): Promise<Library> => {
  const [parquet, { compressors }] = await Promise.all([
    import('hyparquet'),
    import('hyparquet-compressors'),
  ]);
  return { parquet, compressors };
};

/**
 * Opens a file by what it says of itself at its end.
 * @throws FlatminError NOT_FOUND where there is no file or the packages that read it are not installed, INVALID_DATA where it is no
 * Parquet file or a damaged one
 */
export async function openParquet(file: string, load = importLibrary): Promise<ParquetFile> {
  const { parquet, compressors } = await load().catch((cause) => {
    throw new FlatminError(
      'NOT_FOUND',
      'Parquet files are read by hyparquet and hyparquet-compressors, which are not installed here: npm install hyparquet hyparquet-compressors',
      { cause },
    );
  });
  const bytes = await parquet.asyncBufferFromFile(file).catch((cause) => {
    if (cause.code !== 'ENOENT') throw cause;
    throw new FlatminError('NOT_FOUND', `${file}: no such file.`, { cause });
  });
  const metadata = await parquet.parquetMetadataAsync(bytes).catch((cause) => {
    throw new FlatminError(
      'INVALID_DATA',
      `${file} is no Parquet file, or a damaged one: ${cause.message}. Get or write it anew.`,
      {
        cause,
      },
    );
  });
  const named = classNames(metadata);
  const columns = parquet.parquetSchema(metadata).children.map((tree): TableColumn => {
    const { name } = tree.element;
    return { name, kind: kindOf(tree), ...(named.has(name) && { classNames: named.get(name) }) };
  });
  const groups: RowGroup[] = [];
  let rows = 0;
  for (const { num_rows, columns } of metadata.row_groups) {
    groups.push({ first: rows, count: Number(num_rows), bytes: bytesOf(columns) });
    rows += Number(num_rows);
  }
  const readGroup = (group: RowGroup, names: readonly string[]) => {
    const number = groups.findIndex(({ first }) => first === group.first) + 1;
    return readRows(parquet, { file, bytes, metadata, compressors, number }, group, names);
  };
  return {
    ...{ file, columns, rows, groups, notes: [], readGroup },
    async *read(names) {
      for (const group of groups) yield await readGroup(group, names);
    },
  };
}

interface Opened {
  readonly file: string;
  readonly bytes: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly compressors: Compressors;
  /** Of the row group, from 1. */
  readonly number: number;
}

async function readRows(
  parquet: Library['parquet'],
  opened: Opened,
  { first, count }: RowGroup,
  names: readonly string[],
): Promise<Rows> {
  const { file, bytes, metadata, compressors } = opened;
  const damaged = (column: string, why: string, cause?: unknown) =>
    new FlatminError(
      'INVALID_DATA',
      `${file}, row group ${opened.number} (rows ${first + 1} to ${first + count}), ${column}: damaged, ${why}. Get or write the file anew.`,
      { cause },
    );
  const found = names.map(() => [] as { rowStart: number; cells: ArrayLike<unknown> }[]);
  const read = (columns: readonly string[]) =>
    parquet.parquetRead({
      ...{ file: bytes, metadata, compressors, columns: [...columns], utf8: false },
      ...{ rowStart: first, rowEnd: first + count },
      onChunk: ({ columnName, columnData, rowStart }) =>
        found[names.indexOf(columnName)]?.push({ rowStart, cells: columnData }),
    });
  await read(names).catch(async (cause) => {
    // Which column it is: by itself it fails again.
    for (const name of names)
      await read([name]).catch((cause) => {
        throw damaged(`column "${name}"`, cause.message, cause);
      });
    throw damaged(`columns "${names.join('", "')}"`, cause.message, cause);
  });
  const columns = found.map((chunks, at) => {
    const [only] = chunks;
    if (only && chunks.length === 1 && only.rowStart === first && only.cells.length === count)
      return only.cells;
    const cells = new Array<unknown>(count);
    let filled = 0;
    for (const { rowStart, cells: own } of chunks)
      for (let i = 0; i < own.length; i++) {
        const row = rowStart - first + i;
        if (row >= 0 && row < count) {
          cells[row] = own[i];
          filled++;
        }
      }
    if (filled === count) return cells;
    throw damaged(`column "${names[at]}"`, `it has ${filled} of ${count} rows`);
  });
  return { first, count, columns };
}

const bytesOf = (columns: readonly ColumnChunk[]): number =>
  columns.reduce(
    (sum, { meta_data }) =>
      sum + (meta_data?.type === 'BYTE_ARRAY' ? Number(meta_data.total_uncompressed_size) : 0),
    0,
  );

const TEMPORAL = ['DATE', 'TIME', 'TIMESTAMP', 'INTERVAL'];

function kindOf({ element, children }: SchemaTree): ColumnKind {
  if (children.length > 0) {
    const names = children.map((child) => child.element.name);
    // How Hugging Face's datasets hold images.
    return names.includes('bytes') && names.includes('path') ? 'image' : 'other';
  }
  const logical = element.logical_type?.type ?? element.converted_type ?? '';
  if (element.repetition_type === 'REPEATED' || TEMPORAL.some((each) => logical.startsWith(each)))
    return 'other';
  switch (element.type) {
    case 'BOOLEAN':
      return 'truth';
    case 'INT32':
    case 'INT64':
      return logical === 'DECIMAL' ? 'float' : 'integer';
    case 'FLOAT':
    case 'DOUBLE':
      return 'float';
    case 'BYTE_ARRAY':
      if (['STRING', 'UTF8', 'ENUM'].includes(logical)) return 'text';
      return logical === '' ? 'image' : 'other';
    default:
      return logical === 'FLOAT16' || logical === 'DECIMAL' ? 'float' : 'other';
  }
}

/** The names of classes that Hugging Face's datasets write beside the schema, by column. */
function classNames({ key_value_metadata = [] }: FileMetaData): Map<string, string[]> {
  const text = key_value_metadata.find(({ key }) => key === 'huggingface')?.value;
  try {
    const features: Record<string, { _type?: string; names?: unknown }> = JSON.parse(text ?? '{}').info
      .features;
    return new Map(
      Object.entries(features).flatMap(([name, { _type, names }]) =>
        _type === 'ClassLabel' && Array.isArray(names) ? [[name, names.map(String)] as const] : [],
      ),
    );
  } catch {
    return new Map();
  }
}
