import type { Augmentation } from '../augment/augmentation.js';
import type { Field, Source, SourcePart } from '../source.js';
import type { ArrayColumn, ArrayRecipe } from './array-maker.js';
import { rowsOf } from './stored-array.js';

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
}

/** Arrays as a source: their columns hold what the fields are. */
export function arraySource(parts: ArraySourceParts): Source {
  const { train, test, augmentation, ...shared } = parts;
  const part = ({ columns, rows }: ArrayPart): SourcePart => {
    const [first] = columns;
    const own = rows && onSharedMemory(rows);
    return {
      size: own?.length ?? (first ? rowsOf(first.array) : 0),
      recipe: ({ seed, augment }): ArrayRecipe => ({
        maker: 'arrays',
        ...{ columns, rows: own, seed },
        augmentation: augment ? augmentation : undefined,
      }),
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
