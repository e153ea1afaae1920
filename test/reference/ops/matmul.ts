import { floatAttribute, intAttribute } from '../../../src/onnx/attributes.js';
import { microsoft } from '../../../src/onnx/domains.js';
import {
  broadcastDims,
  broadcastTo,
  dot,
  filled,
  generate,
  type NdArray,
  sizeOf,
  stridesOf,
  withDims,
} from '../nd-array.js';
import type { Op, OpTable } from './op.js';

const transposed = (matrix: NdArray): NdArray => {
  const [rows, columns] = matrix.dims as [number, number];
  const result = filled([columns, rows]);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) result.data[j * rows + i] = matrix.data[i * columns + j]!;
  }
  return result;
};

/** a [..., m, k] by b [..., k, n], batch dimensions equal. */
function multiply(a: NdArray, b: NdArray): NdArray {
  const [m, k] = a.dims.slice(-2) as [number, number];
  const [inner, n] = b.dims.slice(-2) as [number, number];
  if (inner !== k) throw new Error(`Matrices [${a.dims}] and [${b.dims}] do not multiply.`);
  const batchDims = a.dims.slice(0, -2);
  const y = filled([...batchDims, m, n]);
  for (let batch = 0; batch < sizeOf(batchDims); batch++) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let p = 0; p < k; p++)
          sum += a.data[(batch * m + i) * k + p]! * b.data[(batch * k + p) * n + j]!;
        y.data[(batch * m + i) * n + j] = sum;
      }
    }
  }
  return y;
}

/** NumPy's matmul: a 1-D operand gains a dimension that the result loses. */
const matMul: Op = ([a, b]) => {
  const left = a!.dims.length === 1 ? withDims(a!, [1, ...a!.dims]) : a!;
  const right = b!.dims.length === 1 ? withDims(b!, [...b!.dims, 1]) : b!;
  const batch = broadcastDims(left.dims.slice(0, -2), right.dims.slice(0, -2));
  const product = multiply(
    broadcastTo(left, [...batch, ...left.dims.slice(-2)]),
    broadcastTo(right, [...batch, ...right.dims.slice(-2)]),
  );
  const dims = [...batch];
  if (a!.dims.length > 1) dims.push(left.dims.at(-2)!);
  if (b!.dims.length > 1) dims.push(right.dims.at(-1)!);
  return [withDims(product, dims)];
};

const lastTwoSwapped = (array: NdArray): NdArray => {
  const rank = array.dims.length;
  const perm = array.dims.map((_, axis) => axis);
  [perm[rank - 2], perm[rank - 1]] = [rank - 1, rank - 2];
  const strides = stridesOf(array.dims);
  return generate(
    perm.map((axis) => array.dims[axis]!),
    (index) =>
      array.data[
        dot(
          perm.map((axis) => strides[axis]!),
          index,
        )
      ]!,
  );
};

/** alpha · A' · B' with matMul's rules. */
const fusedMatMul: Op = ([a, b], node) => {
  const operand = (array: NdArray, attribute: string) =>
    intAttribute(node, attribute, 0) ? lastTwoSwapped(array) : array;
  const [y] = matMul([operand(a!, 'transA'), operand(b!, 'transB')], node);
  return [{ ...y!, data: y!.data.map((value) => value * floatAttribute(node, 'alpha', 1)) }];
};

/** alpha · A' · B' + beta · C, C broadcast to [m, n]. */
const gemm: Op = ([a, b, c], node) => {
  const y = multiply(
    intAttribute(node, 'transA', 0) ? transposed(a!) : a!,
    intAttribute(node, 'transB', 0) ? transposed(b!) : b!,
  );
  const [alpha, beta] = [floatAttribute(node, 'alpha', 1), floatAttribute(node, 'beta', 1)];
  const added = c && broadcastTo(c, y.dims);
  return [
    { dims: y.dims, data: y.data.map((value, i) => alpha * value + (added ? beta * added.data[i]! : 0)) },
  ];
};

export const multiplication: OpTable = {
  MatMul: matMul,
  Gemm: gemm,
  [`${microsoft}:FusedMatMul`]: fusedMatMul,
};
