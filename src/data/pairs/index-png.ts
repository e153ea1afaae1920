import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { inflate as inflateWithCallback } from 'node:zlib';
import { FlatminError } from '../../errors.js';

const inflate = promisify(inflateWithCallback);
const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
const GREY = 0;
const PALETTE = 3;

/** A class for each pixel. */
export interface Mask {
  readonly height: number;
  readonly width: number;
  /** Row by row. */
  readonly classes: Uint8Array;
}

/**
 * The numbers that a PNG of a palette or of grey values holds: indices into the palette, not its colours, which image decoders give.
 * @throws FlatminError INVALID_DATA naming the file that is none, is damaged, has colours, 16 bits or is interlaced
 */
export async function readIndexPng(file: string): Promise<Mask> {
  const bytes = await readFile(file).catch((cause) => {
    throw new FlatminError('NOT_FOUND', `${file} cannot be read.`, { cause });
  });
  const refused = (problem: string, cause?: unknown) =>
    new FlatminError(
      'INVALID_DATA',
      `The mask ${file} ${problem}: expected a PNG of class indices, with a palette or grey, of at most 8 bits and not interlaced.`,
      { cause },
    );
  if (!bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE)) throw refused('is no PNG');
  const chunks = [...chunksOf(bytes)];
  const header = chunks.find(({ type }) => type === 'IHDR')?.data;
  if (!header || header.length < 13) throw refused('is damaged');
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const [bits, colour, , , interlaced] = header.subarray(8);
  if (colour !== GREY && colour !== PALETTE) throw refused('has colours');
  if (bits! > 8) throw refused(`has ${bits} bits a pixel`);
  if (interlaced !== 0) throw refused('is interlaced');
  const packed = Buffer.concat(chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data));
  const lines = await inflate(packed).catch((cause) => {
    throw refused('is damaged', cause);
  });
  const stride = Math.ceil((width * bits!) / 8);
  if (lines.length !== height * (stride + 1)) throw refused('is damaged');
  return { height, width, classes: unpacked(unfiltered(lines, height, stride), height, width, bits!) };
}

function* chunksOf(bytes: Buffer): Generator<{ type: string; data: Buffer }> {
  for (let at = SIGNATURE.length; at + 12 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    yield { type: bytes.toString('latin1', at + 4, at + 8), data: bytes.subarray(at + 8, at + 8 + length) };
    at += length + 12;
  }
}

/** The five filters of PNG, for pixels of at most a byte. */
function unfiltered(lines: Uint8Array, height: number, stride: number): Uint8Array {
  const out = new Uint8Array(height * stride);
  for (let y = 0; y < height; y++) {
    const filter = lines[y * (stride + 1)]!;
    for (let x = 0; x < stride; x++) {
      const at = y * stride + x;
      const left = x > 0 ? out[at - 1]! : 0;
      const up = y > 0 ? out[at - stride]! : 0;
      const corner = x > 0 && y > 0 ? out[at - stride - 1]! : 0;
      out[at] = lines[at + y + 1]! + predicted(filter, left, up, corner);
    }
  }
  return out;
}

function predicted(filter: number, left: number, up: number, corner: number): number {
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  if (filter !== 4) return 0;
  const guess = left + up - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

/** One byte a pixel. */
function unpacked(rows: Uint8Array, height: number, width: number, bits: number): Uint8Array {
  if (bits === 8) return rows;
  const each = 8 / bits;
  const stride = Math.ceil(width / each);
  const mask = 2 ** bits - 1;
  return Uint8Array.from({ length: height * width }, (_, i) => {
    const x = i % width;
    const byte = rows[Math.floor(i / width) * stride + Math.floor(x / each)]!;
    return (byte >> (8 - bits * ((x % each) + 1))) & mask;
  });
}
