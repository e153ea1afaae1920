import { float } from '../../../src/onnx/attributes.js';
import { microsoft } from '../../../src/onnx/domains.js';
import { type Attributes, type GradientCase, single, wrt } from '../case.js';

const [m, k, n] = [3, 4, 5];
const switches = [0, 1];

const gemm = (name: string, attributes: Attributes, c?: readonly number[]): GradientCase =>
  single(
    `Gemm ${name}`,
    'Gemm',
    {
      a: wrt(attributes.transA ? [k, m] : [m, k]),
      b: wrt(attributes.transB ? [n, k] : [k, n]),
      ...(c && { c: wrt(c) }),
    },
    attributes,
  );

const matMul = (name: string, a: readonly number[], b: readonly number[]): GradientCase =>
  single(`MatMul ${name}`, 'MatMul', { a: wrt(a), b: wrt(b) });

const fused = (
  name: string,
  a: readonly number[],
  b: readonly number[],
  attributes: Attributes,
): GradientCase => ({
  name: `FusedMatMul ${name}`,
  inputs: { a: wrt(a), b: wrt(b) },
  build: (builder) => builder.op('FusedMatMul', ['a', 'b'], attributes, { domain: microsoft }),
});

export const matmulCases: GradientCase[] = [
  fused('transA, alpha', [k, m], [k, n], { transA: 1, alpha: float(0.5) }),
  fused('transB of batches', [2, m, k], [2, n, k], { transB: 1 }),
  fused('both transposed, batch by matrix', [2, 2, k, m], [n, k], { transA: 1, transB: 1, alpha: float(2) }),
  ...switches.flatMap((transA) =>
    switches.flatMap((transB) => {
      const attributes = { transA, transB };
      const scaled = { ...attributes, alpha: float(0.5), beta: float(-1.5) };
      return [
        gemm(`transA ${transA}, transB ${transB}, without C`, attributes),
        gemm(`transA ${transA}, transB ${transB}, alpha, without C`, { ...attributes, alpha: float(2) }),
        gemm(`transA ${transA}, transB ${transB}, C a row`, attributes, [n]),
        gemm(`transA ${transA}, transB ${transB}, alpha, beta, C a row`, scaled, [n]),
        gemm(`transA ${transA}, transB ${transB}, alpha, beta, C a matrix`, scaled, [m, n]),
      ];
    }),
  ),
  gemm('C a 1×n matrix', { beta: float(0.5) }, [1, n]),
  gemm('C a column', {}, [m, 1]),
  gemm('C a 1×1 matrix', {}, [1, 1]),
  gemm('C a vector of one', {}, [1]),
  gemm('C a scalar', { alpha: float(3), beta: float(2) }, []),
  gemm('C a matrix, beta 0', { beta: float(0) }, [m, n]),
  single('Gemm of no rows', 'Gemm', { a: wrt([0, k]), b: wrt([k, n]), c: wrt([n]) }),
  {
    name: 'Gemm of a matrix with itself',
    inputs: { a: wrt([3, 3]) },
    build: (builder) => builder.op('Gemm', ['a', 'a', 'a'], { transB: 1 }),
  },
  matMul('of matrices', [m, k], [k, n]),
  matMul('of a row and a column', [1, k], [k, 1]),
  matMul('batched', [2, m, k], [2, k, n]),
  matMul('batched twice', [2, 3, m, k], [2, 3, k, n]),
  matMul('batch by matrix', [2, m, k], [k, n]),
  matMul('two batch axes by matrix', [2, 3, m, k], [k, n]),
  matMul('matrix by batch', [m, k], [2, k, n]),
  matMul('batch broadcast on the left', [1, m, k], [3, k, n]),
  matMul('batch broadcast on the right', [3, m, k], [1, k, n]),
  matMul('batch broadcast both ways', [2, 1, m, k], [3, k, n]),
  matMul('vector by vector', [k], [k]),
  matMul('vector by matrix', [k], [k, n]),
  matMul('matrix by vector', [m, k], [k]),
  matMul('vector by batch', [k], [2, k, n]),
  matMul('batch by vector', [2, 3, m, k], [k]),
  matMul('of no rows', [0, k], [k, n]),
  matMul('over no inner elements', [m, 0], [0, n]),
  {
    name: 'MatMul of a matrix with itself',
    inputs: { a: wrt([3, 3]) },
    build: (builder) => builder.op('MatMul', ['a', 'a']),
  },
];
