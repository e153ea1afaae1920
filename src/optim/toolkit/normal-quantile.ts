/** Φ(x) = ½ + φ(x)·Σ x²ᵏ⁺¹/(1·3·…·(2k + 1)) (Marsaglia 2004, "Evaluating the normal distribution"). */
function normalDistribution(x: number): number {
  let [term, sum] = [x, x];
  for (let k = 1; Math.abs(term) > 1e-17 * Math.abs(sum); k++) {
    term *= (x * x) / (2 * k + 1);
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}

/** Φ⁻¹: the number that a standard normal one is below with probability p in (0, 1), within 1e-12 for p in [1e-6, 1 − 1e-6]. */
export function normalQuantile(p: number): number {
  let [low, high] = [-8, 8];
  for (let halvings = 0; halvings < 60; halvings++) {
    const middle = (low + high) / 2;
    if (normalDistribution(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
