/** A value of a network. */
export interface Value {
  readonly name: string;
  readonly dims: readonly number[];
}

export const sizeOf = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);

/** The shape of two values that broadcast. */
export function joined(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  const at = (dims: readonly number[], axis: number) => dims[axis - rank + dims.length] ?? 1;
  return Array.from({ length: rank }, (_, axis) => Math.max(at(a, axis), at(b, axis)));
}

/** A size after windows: of convolutions and pools. */
export const windows = (size: number, pads: number, kernel: number, stride: number, dilation = 1): number =>
  Math.floor((size + pads - dilation * (kernel - 1) - 1) / stride) + 1;
