/** Eigenvalues and eigenvectors of a symmetric matrix. */
export interface Eigen {
  /** In descending order. */
  readonly values: readonly number[];
  /** vectors[i] is the unit eigenvector of values[i]. */
  readonly vectors: readonly (readonly number[])[];
}

/** Sweeps of Jacobi's method converge quadratically; some ten are enough for any small matrix. */
const MAX_SWEEPS = 60;

/** All eigenvalues and eigenvectors of a small symmetric matrix by Jacobi's rotations (Golub and Van Loan, §8.5), in float64. */
export function symmetricEigen(matrix: readonly (readonly number[])[]): Eigen {
  const size = matrix.length;
  const a = matrix.map((row) => Float64Array.from(row));
  const rows = Array.from({ length: size }, (_, i) => {
    const row = new Float64Array(size);
    row[i] = 1;
    return row;
  });
  const norm = Math.sqrt(a.reduce((sum, row) => sum + row.reduce((part, x) => part + x * x, 0), 0));
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    let off = 0;
    for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) off += a[i]![j]! ** 2;
    if (Math.sqrt(off) <= 1e-15 * norm) break;
    for (let i = 0; i < size; i++) for (let j = i + 1; j < size; j++) rotate(a, rows, i, j);
  }
  const order = Array.from({ length: size }, (_, i) => i).sort((i, j) => a[j]![j]! - a[i]![i]!);
  return { values: order.map((i) => a[i]![i]!), vectors: order.map((i) => [...rows[i]!]) };
}

/** a ← RᵀaR with the rotation in the plane (p, q) that makes a[p][q] zero; `vectors` are rows of the product of rotations. */
function rotate(a: Float64Array[], vectors: Float64Array[], p: number, q: number): void {
  const apq = a[p]![q]!;
  if (apq === 0) return;
  const theta = (a[q]![q]! - a[p]![p]!) / (2 * apq);
  const tangent = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const cosine = 1 / Math.hypot(tangent, 1);
  const sine = tangent * cosine;
  for (const row of a) {
    const [x, y] = [row[p]!, row[q]!];
    row[p] = cosine * x - sine * y;
    row[q] = sine * x + cosine * y;
  }
  for (const rows of [a, vectors]) {
    const [x, y] = [rows[p]!, rows[q]!];
    for (let k = 0; k < x.length; k++) {
      const [xk, yk] = [x[k]!, y[k]!];
      x[k] = cosine * xk - sine * yk;
      y[k] = sine * xk + cosine * yk;
    }
  }
}
