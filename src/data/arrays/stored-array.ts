import { fromBfloat16, fromFloat16 } from '../../formats/float16.js';

/** How a file has elements, little-endian: by the type, of how many bytes and how they become numbers. */
const ELEMENTS = {
  bool: (bytes: ArrayBuffer) => new Uint8Array(bytes),
  uint8: (bytes: ArrayBuffer) => new Uint8Array(bytes),
  uint16: (bytes: ArrayBuffer) => new Uint16Array(bytes),
  uint32: (bytes: ArrayBuffer) => new Uint32Array(bytes),
  uint64: (bytes: ArrayBuffer) => new BigUint64Array(bytes),
  int8: (bytes: ArrayBuffer) => new Int8Array(bytes),
  int16: (bytes: ArrayBuffer) => new Int16Array(bytes),
  int32: (bytes: ArrayBuffer) => new Int32Array(bytes),
  int64: (bytes: ArrayBuffer) => new BigInt64Array(bytes),
  float16: (bytes: ArrayBuffer) => Float32Array.from(new Uint16Array(bytes), fromFloat16),
  bfloat16: (bytes: ArrayBuffer) => Float32Array.from(new Uint16Array(bytes), fromBfloat16),
  float: (bytes: ArrayBuffer) => new Float32Array(bytes),
  double: (bytes: ArrayBuffer) => new Float64Array(bytes),
};

const BYTES: Readonly<Record<ElementType, number>> = {
  ...{ bool: 1, uint8: 1, uint16: 2, uint32: 4, uint64: 8, int8: 1, int16: 2, int32: 4, int64: 8 },
  ...{ float16: 2, bfloat16: 2, float: 4, double: 8 },
};

/** Element types of files, as ONNX names them. */
export type ElementType = keyof typeof ELEMENTS;

/** Elements as numbers; those of half precision are widened. */
export type Numbers = ReturnType<(typeof ELEMENTS)[ElementType]>;

/** An array whose first axis is the samples, and where its elements lie, row by row. Plain data, that goes to threads without copies. */
export interface StoredArray {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
  /** The file that has it. */
  readonly file: string;
  /** Holds the elements instead of the file. */
  readonly memory?: SharedArrayBuffer;
  /** Byte of the file or the memory where the elements begin. */
  readonly offset: number;
}

export const rowsOf = ({ dims }: Pick<StoredArray, 'dims'>): number => dims[0] ?? 0;

/** Elements of a sample. */
export const rowElements = ({ dims }: Pick<StoredArray, 'dims'>): number =>
  dims.slice(1).reduce((product, dim) => product * dim, 1);

/** Bytes of a sample. */
export const rowBytes = (array: Pick<StoredArray, 'dims' | 'type'>): number =>
  rowElements(array) * BYTES[array.type];

export const isFloatType = (type: ElementType): boolean =>
  type === 'float' || type === 'double' || type === 'float16' || type === 'bfloat16';

/** Bytes of elements of a type as numbers. */
export const toNumbers = (type: ElementType, bytes: ArrayBuffer): Numbers => ELEMENTS[type](bytes);

/** '"x" (uint8, 100 × 28 × 28)', for messages. */
export const described = ({ name, type, dims }: StoredArray): string =>
  `"${name}" (${type}, ${dims.join(' × ')})`;
