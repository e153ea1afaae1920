import type { Augmentation } from '../augment/augmentation.js';
import type { Field, Source, SourcePart, TargetRows } from '../source.js';
import type { ArrayColumn, ArrayRecipe, MixedFields } from './array-maker.js';
import { readRows } from './row-reader.js';
import { rowBytes, rowsOf } from './stored-array.js';

/** Arrays of a part, and which of their rows it has; absent: all. */
export interface ArrayPart {
  readonly columns: readonly ArrayColumn[];
  readonly rows?: Int32Array | undefined;
}

/** What a source of arrays is made of. */
export interface ArraySourceParts
  extends Pick<Source, 'name' | 'inputs' | 'targets' | 'normalization' | 'notes'> {
  readonly inputs: readonly Field[];
  readonly targets: readonly Field[];
  readonly train: ArrayPart;
  readonly test: ArrayPart;
  /** Of training pixels. */
  readonly augmentation?: Augmentation | undefined;
  /** Where targets are shares of classes. */
  readonly mixed?: MixedFields | undefined;
}

/** Bytes of a target that are read at a time. */
const CHUNK_BYTES = 2 ** 22;

/** A target of a part, in the order of its samples. */
export async function* targetRows({ columns, rows }: ArrayPart, field: string): AsyncGenerator<TargetRows> {
  const { array } = columns.find((column) => column.field === field)!;
  const size = rows?.length ?? rowsOf(array);
  const chunk = Math.max(1, Math.floor(CHUNK_BYTES / Math.max(1, rowBytes(array))));
  for (let first = 0; first < size; first += chunk) {
    const samples = Math.min(chunk, size - first);
    const at =
      rows?.subarray(first, first + samples) ?? Int32Array.from({ length: samples }, (_, i) => first + i);
    yield { values: readRows(array, at), samples };
  }
}

/** Arrays as a source: their columns hold what the fields are. */
export function arraySource(parts: ArraySourceParts): Source {
  const { train, test, augmentation, mixed, ...shared } = parts;
  const part = ({ columns, rows }: ArrayPart): SourcePart => {
    const [first] = columns;
    const own = rows && onSharedMemory(rows);
    return {
      size: own?.length ?? (first ? rowsOf(first.array) : 0),
      recipe: ({ seed, augment }): ArrayRecipe => ({
        maker: 'arrays',
        ...{ columns, rows: own, seed, mixed },
        augmentation: augment ? augmentation : undefined,
      }),
      targets: (field) => targetRows({ columns, rows: own }, field),
    };
  };
  const taken = ({ columns, rows }: ArrayPart, indices: Int32Array | undefined): ArrayPart =>
    indices ? { columns, rows: rows ? indices.map((index) => rows[index]!) : indices } : { columns, rows };
  return {
    ...shared,
    train: part(train),
    test: part(test),
    take: (indices) =>
      arraySource({ ...parts, train: taken(train, indices.train), test: taken(test, indices.test) }),
  };
}

/** A copy that threads share, unless it is one. */
export function onSharedMemory(rows: Int32Array): Int32Array {
  if (rows.buffer instanceof SharedArrayBuffer) return rows;
  const shared = new Int32Array(new SharedArrayBuffer(rows.byteLength));
  shared.set(rows);
  return shared;
}
