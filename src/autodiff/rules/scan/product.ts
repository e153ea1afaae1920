import { float, floatAttribute, intAttribute } from '../../../onnx/attributes.js';
import { opKey } from '../../../onnx/domains.js';
import type { Node } from '../../../onnx/proto.js';
import type { ValueType } from '../../../onnx/value-types.js';
import type { RuleContext } from '../../rule.js';
import { reshape } from '../tensors.js';

/** A term α·A'·B' of the gradient of a matrix, in every step of a Scan. */
export interface Product {
  readonly a: string;
  readonly b: string;
  readonly transA: boolean;
  readonly transB: boolean;
  readonly alpha: number;
  /** Rows that are summed over. */
  readonly inner: number;
}

/** The node as a product that makes a term; undefined where it is another or its sizes are not known. */
export function productOf(c: RuleContext, node: Node | undefined): Product | undefined {
  if (!node || opKey(node) !== 'Gemm' || node.input.length !== 2) return undefined;
  const [a, b] = node.input as [string, string];
  const transA = intAttribute(node, 'transA', 0) === 1;
  const transB = intAttribute(node, 'transB', 0) === 1;
  const inner = c.known(a)?.dims[transA ? 0 : 1] ?? c.known(b)?.dims[transB ? 1 : 0];
  return inner === undefined
    ? undefined
    : { a, b, transA, transB, alpha: floatAttribute(node, 'alpha', 1), inner };
}

/** Records the shapes of both factors. */
export function describeFactors(c: RuleContext, { a, b, transA, transB, inner }: Product, sum: ValueType) {
  const { type, dims } = sum;
  const describe = (name: string, size: number, turned: boolean) => {
    if (!c.known(name)) c.describe(name, { type, dims: turned ? [size, inner] : [inner, size] });
  };
  describe(a, dims[0]!, !transA);
  describe(b, dims[1]!, transB);
}

/**
 * Σ over the steps of α·A'·B' as one product: the rows of all steps lie below each other.
 * @param a the factors A of all steps, [steps, …]; b likewise
 * @param dims of the sum
 */
export function productOfSteps(
  c: RuleContext,
  { transA, transB, alpha, inner }: Product,
  { a, b, steps }: { a: string; b: string; steps: number },
  [rows, columns]: readonly [number, number],
): string {
  const tall = (array: string, width: number, across: boolean) =>
    reshape(c, across ? c.op('Transpose', [array], { perm: [0, 2, 1] }) : array, [steps * inner, width]);
  return c.op('Gemm', [tall(a, rows, !transA), tall(b, columns, transB)], { transA: 1, alpha: float(alpha) });
}
