import type { Draw } from './draw.js';

type Mutation = (draw: Draw, bytes: Buffer) => Buffer;

const at = (draw: Draw, bytes: Buffer) => draw.integer(0, Math.max(0, bytes.length - 1));
/** A stretch of at most 64 bytes, or of any length now and then. */
function stretch(draw: Draw, bytes: Buffer): [number, number] {
  const from = at(draw, bytes);
  return [from, Math.min(bytes.length, from + draw.integer(1, draw.chance(0.1) ? bytes.length : 64))];
}

const mutations: readonly Mutation[] = [
  (draw, bytes) => {
    const copy = Buffer.from(bytes);
    if (copy.length > 0) copy[at(draw, bytes)]! ^= 1 << draw.integer(0, 7);
    return copy;
  },
  (draw, bytes) => {
    const copy = Buffer.from(bytes);
    if (copy.length > 0) copy[at(draw, bytes)] = draw.pick([0, 1, 0x7f, 0x80, 0xff]);
    return copy;
  },
  (draw, bytes) => bytes.subarray(0, at(draw, bytes)),
  (draw, bytes) => {
    const [from, to] = stretch(draw, bytes);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  (draw, bytes) => {
    const [from, to] = stretch(draw, bytes);
    const place = at(draw, bytes);
    return Buffer.concat([bytes.subarray(0, place), bytes.subarray(from, to), bytes.subarray(place)]);
  },
  (draw, bytes) => {
    const place = at(draw, bytes);
    const noise = Buffer.from(Array.from({ length: draw.integer(1, 16) }, () => draw.integer(0, 255)));
    return Buffer.concat([bytes.subarray(0, place), noise, bytes.subarray(place)]);
  },
];

/** Bytes with one to eight faults: flipped, set, cut off, cut out, repeated or inserted. */
export function mutateBytes(draw: Draw, bytes: Buffer): Buffer {
  let mutated = bytes;
  for (let left = draw.pick([1, 1, 2, 4, 8]); left > 0; left--) mutated = draw.pick(mutations)(draw, mutated);
  return mutated;
}
