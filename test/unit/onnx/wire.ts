/** Protocol buffers written by hand, to say exactly what bytes a file holds. */

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 0x80 : low);
  } while (rest > 0n);
  return bytes;
}

/** A field of a message: an integer as a varint, text and bytes with their length. */
export function field(id: number, value: number | bigint | string | Uint8Array): Uint8Array {
  if (typeof value === 'number' || typeof value === 'bigint')
    return Uint8Array.from([...varint(BigInt(id << 3)), ...varint(BigInt(value))]);
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  return Uint8Array.from([...varint(BigInt((id << 3) | 2)), ...varint(BigInt(bytes.length)), ...bytes]);
}

export const message = (...fields: Uint8Array[]): Uint8Array =>
  Uint8Array.from(fields.flatMap((f) => [...f]));

/** Fields of a message in their order, without looking inside. */
export function parse(bytes: Uint8Array): { id: number; value: bigint | Uint8Array }[] {
  const fields: { id: number; value: bigint | Uint8Array }[] = [];
  let at = 0;
  const next = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(next());
    const kind = tag & 7;
    const length = kind === 2 ? Number(next()) : kind === 5 ? 4 : 8;
    if (kind === 0) fields.push({ id: tag >> 3, value: next() });
    else {
      fields.push({ id: tag >> 3, value: bytes.slice(at, at + length) });
      at += length;
    }
  }
  return fields;
}

/** The values of a field, all of them. */
export const values = (bytes: Uint8Array, id: number): (bigint | Uint8Array)[] =>
  parse(bytes)
    .filter((found) => found.id === id)
    .map(({ value }) => value);
