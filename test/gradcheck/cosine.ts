/** Cosine of the angle between two gradients as one vector each, parameters by name, in float64; 1 where both are zero. */
export function cosineOf(a: ReadonlyMap<string, Float32Array>, b: ReadonlyMap<string, Float32Array>): number {
  let [product, ofA, ofB] = [0, 0, 0];
  for (const [name, values] of a) {
    const others = b.get(name)!;
    for (const [index, value] of values.entries()) {
      product += value * others[index]!;
      ofA += value * value;
      ofB += others[index]! ** 2;
    }
  }
  return ofA === 0 && ofB === 0 ? 1 : product / Math.sqrt(ofA * ofB);
}
