import { FlatminError } from '../errors.js';
import { fromFloat16 } from './float16.js';

/** The element types of NumPy that flatmin reads, by their code without the byte order. */
const TYPES = {
  b1: { dtype: 'bool', array: Uint8Array },
  u1: { dtype: 'uint8', array: Uint8Array },
  u2: { dtype: 'uint16', array: Uint16Array },
  u4: { dtype: 'uint32', array: Uint32Array },
  u8: { dtype: 'uint64', array: BigUint64Array },
  i1: { dtype: 'int8', array: Int8Array },
  i2: { dtype: 'int16', array: Int16Array },
  i4: { dtype: 'int32', array: Int32Array },
  i8: { dtype: 'int64', array: BigInt64Array },
  /** Half precision is read as the float32 numbers that it holds. */
  f2: { dtype: 'float', array: Uint16Array },
  f4: { dtype: 'float', array: Float32Array },
  f8: { dtype: 'double', array: Float64Array },
} as const;

export type NpyDtype = (typeof TYPES)[keyof typeof TYPES]['dtype'];

/** Where a .npy file has its elements, for readers of a part of them. */
export interface NpyLayout {
  /** Of the elements as they are stored. */
  readonly dtype: NpyDtype | 'float16';
  readonly dims: readonly number[];
  /** Whether the first axis is the one that changes fastest. */
  readonly isFortran: boolean;
  /** Byte of the file where they begin. */
  readonly start: number;
  readonly byteLength: number;
}

export type NpyData = InstanceType<(typeof TYPES)[keyof typeof TYPES]['array']>;

/** A NumPy array, row-major. The dtype is named as in ONNX. */
export interface NpyArray {
  readonly dtype: NpyDtype;
  readonly dims: readonly number[];
  readonly data: NpyData;
}

const MAGIC = '\x93NUMPY';

/** The longest header that is read; NumPy itself takes 10,000 bytes unless it is told to trust the file. */
const MAX_HEADER_BYTES = 1 << 20;

/** So much of the beginning of a file tells where its elements are. */
export const NPY_HEAD_BYTES = MAX_HEADER_BYTES + 12;

const shortened = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}…` : text);

interface NpyHeader {
  readonly type: (typeof TYPES)[keyof typeof TYPES];
  readonly dims: readonly number[];
  readonly isFortran: boolean;
  /** Where the elements begin, and their bytes. */
  readonly start: number;
  readonly byteLength: number;
}

/**
 * Reads an array in NumPy's .npy format, versions 1 to 3 (numpy.lib.format). Arrays in Fortran order are put into row-major order.
 * @param what names the array in errors
 * @throws FlatminError INVALID_DATA for a file that is no .npy, is cut off, or holds big-endian numbers, texts or objects
 */
export function parseNpy(bytes: Uint8Array, what: string): NpyArray {
  const header = readHeader(bytes, what);
  if (!header) throw new FlatminError('INVALID_DATA', `${what} is cut off in its header.`);
  const { type, dims, isFortran, start, byteLength } = header;
  if (bytes.length - start < byteLength) {
    throw new FlatminError(
      'INVALID_DATA',
      `${what} is cut off: its shape (${dims.join(', ')}) needs ${byteLength} bytes, but it has ${bytes.length - start}.`,
    );
  }
  // A copy also of a Buffer, whose own slice() would be a view of all its memory.
  const stored = new type.array(new Uint8Array(bytes.subarray(start, start + byteLength)).buffer);
  const data = type === TYPES.f2 ? Float32Array.from(stored as Uint16Array, fromFloat16) : stored;
  return { dtype: type.dtype, dims, data: isFortran ? rowMajor(data, dims) : data };
}

/**
 * The bytes of a whole .npy file, by its header; undefined where more of its beginning is needed to tell.
 * @throws FlatminError INVALID_DATA as parseNpy
 */
export function npyBytes(beginning: Uint8Array, what: string): number | undefined {
  const header = readHeader(beginning, what);
  return header && header.start + header.byteLength;
}

/**
 * Where a .npy file has its elements, by its beginning; undefined where more of that is needed to tell.
 * @throws FlatminError INVALID_DATA as parseNpy
 */
export function npyLayout(beginning: Uint8Array, what: string): NpyLayout | undefined {
  const header = readHeader(beginning, what);
  if (!header) return undefined;
  const { type, ...layout } = header;
  return { ...layout, dtype: type === TYPES.f2 ? 'float16' : type.dtype };
}

/** Undefined where the bytes end within it. */
function readHeader(bytes: Uint8Array, what: string): NpyHeader | undefined {
  const magic = String.fromCharCode(...bytes.subarray(0, MAGIC.length));
  if (!MAGIC.startsWith(magic)) throw new FlatminError('INVALID_DATA', `${what} is not a NumPy array.`);
  const lengthBytes = bytes[MAGIC.length] === 1 ? 2 : 4;
  const textStart = 8 + lengthBytes;
  if (bytes.length < textStart) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = lengthBytes === 2 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (headerLength > MAX_HEADER_BYTES)
    throw new FlatminError(
      'INVALID_DATA',
      `${what} has a header of ${headerLength} bytes; at most ${MAX_HEADER_BYTES} are read.`,
    );
  const start = textStart + headerLength;
  if (bytes.length < start) return undefined;
  const text = new TextDecoder().decode(bytes.subarray(textStart, start));
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const fortran = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const shape = /'shape':\s*\(([\d,\s]*)\)/.exec(text)?.[1];
  if (descr === undefined || fortran === undefined || shape === undefined)
    throw new FlatminError(
      'INVALID_DATA',
      `${what} has no NumPy header that flatmin reads: ${shortened(text.trim())}.`,
    );
  const code = descr.slice(1);
  const type = Object.hasOwn(TYPES, code) ? TYPES[code as keyof typeof TYPES] : undefined;
  if (!type || descr.startsWith('>')) {
    throw new FlatminError(
      'INVALID_DATA',
      `${what} has NumPy type "${shortened(descr)}"; flatmin reads little-endian float16, float32, float64, integers and bool: convert it with .astype.`,
    );
  }
  const dims = shape
    .split(',')
    .map((size) => size.trim())
    .filter(Boolean)
    .map(Number);
  const byteLength = dims.reduce((product, dim) => product * dim, type.array.BYTES_PER_ELEMENT);
  if (!Number.isSafeInteger(byteLength) || !dims.every(Number.isSafeInteger))
    throw new FlatminError(
      'INVALID_DATA',
      `${what} has shape (${dims.join(', ')}), which no array can have.`,
    );
  return { type, dims, isFortran: fortran === 'True', start, byteLength };
}

/** Column-major elements in row-major order. */
function rowMajor(data: NpyData, dims: readonly number[]): NpyData {
  const out = data.slice() as NpyData;
  const strides = dims.map((_, axis) => dims.slice(0, axis).reduce((product, dim) => product * dim, 1));
  const index = dims.map(() => 0);
  for (let position = 0; position < out.length; position++) {
    out[position] = data[index.reduce((sum, at, axis) => sum + at * strides[axis]!, 0)]!;
    for (let axis = dims.length - 1; axis >= 0 && ++index[axis]! === dims[axis]; axis--) index[axis] = 0;
  }
  return out;
}
