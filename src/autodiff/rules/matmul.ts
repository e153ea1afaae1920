import { float, floatAttribute, intAttribute } from '../../onnx/attributes.js';
import type { Rule, RuleContext } from '../rule.js';

const swapLast = (c: RuleContext, name: string, rank: number): string => {
  const perm = Array.from({ length: rank }, (_, axis) => axis);
  [perm[rank - 2], perm[rank - 1]] = [rank - 1, rank - 2];
  return c.op('Transpose', [name], { perm });
};

const reshape = (c: RuleContext, name: string, dims: readonly number[]): string =>
  c.op('Reshape', [name, c.builder.ints(dims)]);

/** Y = A·B with NumPy's rules: 1-D operands are a row or a column, leading dimensions broadcast. */
const matMul: Rule = (c) => {
  const [a, b] = [c.input(0), c.input(1)];
  const [aDims, bDims] = [c.dims(a), c.dims(b)];
  if (aDims.length === 2 && bDims.length === 2) {
    return [
      c.when(0, () => c.op('Gemm', [c.dy, b], { transB: 1 })), // dA = dY · Bᵀ
      c.when(1, () => c.op('Gemm', [a, c.dy], { transA: 1 })), // dB = Aᵀ · dY
    ];
  }
  // Both operands as matrices, dY with the dimensions that NumPy dropped put back.
  const aMatrix = aDims.length === 1 ? [1, ...aDims] : [...aDims];
  const bMatrix = bDims.length === 1 ? [...bDims, 1] : [...bDims];
  const batch = c
    .dims(c.output())
    .slice(0, c.dims(c.output()).length - (aDims.length > 1 ? 1 : 0) - (bDims.length > 1 ? 1 : 0));
  const [rows, inner, columns] = [aMatrix.at(-2)!, aMatrix.at(-1)!, bMatrix.at(-1)!];
  const dyDims = [...batch, rows, columns];
  const dy = aDims.length === 1 || bDims.length === 1 ? reshape(c, c.dy, dyDims) : c.dy;
  const aValue = aDims.length === 1 ? reshape(c, a, aMatrix) : a;
  const bValue = bDims.length === 1 ? reshape(c, b, bMatrix) : b;
  const fold = (value: string, dims: readonly number[], original: readonly number[]) =>
    original.length === 1
      ? {
          value: reshape(c, value, [...dims.slice(0, -2), ...original]),
          dims: [...dims.slice(0, -2), ...original],
        }
      : { value, dims };
  return [
    c.when(0, () =>
      fold(c.op('MatMul', [dy, swapLast(c, bValue, bMatrix.length)]), [...batch, rows, inner], aDims),
    ),
    c.when(1, () => {
      if (bMatrix.length === 2) {
        // One weight for the whole batch: its rows are one tall matrix, summed by the product itself.
        const tall = batch.reduce((product, dim) => product * dim, rows);
        const product = c.op('Gemm', [reshape(c, aValue, [tall, inner]), reshape(c, dy, [tall, columns])], {
          transA: 1,
        });
        return fold(product, [inner, columns], bDims);
      }
      return fold(
        c.op('MatMul', [swapLast(c, aValue, aMatrix.length), dy]),
        [...batch, inner, columns],
        bDims,
      );
    }),
  ];
};

/** Y = α·A'·B' + β·C, where ' transposes as the attributes say. */
const gemm: Rule = (c) => {
  const [a, b] = [c.input(0), c.input(1)];
  const transA = intAttribute(c.node, 'transA', 0);
  const transB = intAttribute(c.node, 'transB', 0);
  const alpha = float(floatAttribute(c.node, 'alpha', 1));
  const beta = floatAttribute(c.node, 'beta', 1);
  return [
    c.when(
      0,
      () =>
        transA
          ? c.op('Gemm', [b, c.dy], { alpha, transA: transB, transB: 1 }) // dA = α·B'·dYᵀ
          : c.op('Gemm', [c.dy, b], { alpha, transB: 1 - transB }), // dA = α·dY·B'ᵀ
    ),
    c.when(
      1,
      () =>
        transB
          ? c.op('Gemm', [c.dy, a], { alpha, transA: 1, transB: transA }) // dB = α·dYᵀ·A'
          : c.op('Gemm', [a, c.dy], { alpha, transA: 1 - transA }), // dB = α·A'ᵀ·dY
    ),
    c.when(2, () => c.broadcast(beta === 1 ? c.dy : c.op('Mul', [c.dy, c.scalar(beta)]))),
  ];
};

export const matmul: Record<string, Rule> = { MatMul: matMul, Gemm: gemm };
