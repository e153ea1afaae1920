import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { invalid } from '../errors.js';
import { writeAll } from './atomic.js';
import { asDigest, type Digest } from './digest.js';
import { type SafetensorsDtype, tensorBytes } from './safetensors-dtypes.js';

interface TensorForm {
  name: string;
  dtype: SafetensorsDtype;
  shape: readonly number[];
}

/** A dense row-major tensor. `data` may be any view of the right number of bytes; F16, BF16 and F8 are held as bits. */
export interface NamedTensor extends TensorForm {
  data: ArrayBufferView;
}

/** A tensor that is read when it is written, so that no second copy of it is held. */
export interface StoredTensor extends TensorForm {
  /** Fills `target`, which begins at a multiple of 8 bytes, with the tensor's bytes from `byteOffset` on. */
  read(target: Uint8Array, byteOffset: number): void;
}

/** Bytes: what is read, checked and written stays in a core's cache meanwhile. A multiple of every dtype's size. */
const PIECE_BYTES = 1 << 20;

/**
 * Writes the bytes of tensors, one behind the other. Each piece is read, and its digest taken, while another thread writes the one before.
 * @returns the digests, if they are asked for
 * @throws FlatminError INVALID_ARGUMENT for data of another length than dtype and shape tell
 */
export async function writeData(
  handle: FileHandle,
  tensors: readonly (NamedTensor | StoredTensor)[],
  digests: boolean,
): Promise<Digest[]> {
  const found: Digest[] = [];
  let written = Promise.resolve();
  const piecesOf = pieceReader();
  try {
    for (const tensor of tensors) {
      let crc = 0;
      for (const piece of piecesOf(tensor)) {
        if (digests) crc = crc32(piece, crc);
        await written;
        written = writeAll(handle, piece);
      }
      if (digests) found.push(asDigest(crc));
    }
  } finally {
    // The file is not closed under a thread that writes to it.
    await written;
  }
  return found;
}

/** A piece stays as it is until the next but one is asked for. */
function pieceReader() {
  let [next, other] = [new Uint8Array(PIECE_BYTES), new Uint8Array(PIECE_BYTES)];
  return function* (tensor: NamedTensor | StoredTensor): Generator<Uint8Array> {
    const bytes = tensorBytes(tensor.dtype, tensor.shape);
    const given = 'data' in tensor ? dataOf(tensor, bytes) : undefined;
    for (let first = 0; first < bytes; first += PIECE_BYTES) {
      const length = Math.min(PIECE_BYTES, bytes - first);
      if (given) yield given.subarray(first, first + length);
      else {
        const piece = next.subarray(0, length);
        (tensor as StoredTensor).read(piece, first);
        yield piece;
        [next, other] = [other, next];
      }
    }
  };
}

function dataOf({ name, dtype, shape, data }: NamedTensor, bytes: number): Uint8Array {
  if (data.byteLength !== bytes)
    throw invalid(
      `data of tensor "${name}"`,
      `${bytes} bytes (${dtype} of shape [${shape.join(', ')}])`,
      data.byteLength,
    );
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
