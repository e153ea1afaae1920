/** The number that the bits of an IEEE 754 binary16 stand for: 1 sign, 5 exponent (bias 15) and 10 fraction bits. */
export function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(bits >>> 10) & 0x1f, bits & 0x3ff];
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Infinity;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

const bits = new Uint32Array(1);
const asFloat = new Float32Array(bits.buffer);

/** The number that the bits of a bfloat16 stand for: the upper half of an IEEE 754 binary32. */
export function fromBfloat16(upper: number): number {
  bits[0] = upper << 16;
  return asFloat[0]!;
}
