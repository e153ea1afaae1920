import { stringAttribute } from '../../onnx/attributes.js';
import { elementCount } from '../../onnx/tensors/tensor.js';
import type { DecomposeContext, Decomposition } from './context.js';

/** A value whose axes have labels; sizes of labels are the caller's. */
interface Term {
  readonly value: string;
  readonly labels: readonly string[];
}

interface Equation {
  readonly terms: readonly (readonly string[])[];
  readonly result: readonly string[];
  readonly sizes: ReadonlyMap<string, number>;
}

/** Labels of the axes that an ellipsis stands for, counted from the last, so that shapes broadcast as NumPy's do. */
const ellipsisLabels = (rank: number): string[] =>
  Array.from({ length: rank }, (_, axis) => `…${rank - axis}`);

function parse(c: DecomposeContext): Equation {
  const text = stringAttribute(c.node, 'equation', '').replaceAll(' ', '');
  const [left = '', right] = text.split('->');
  const written = left.split(',');
  if (written.length !== c.node.input.length)
    throw c.refuse(`its equation "${text}" has ${written.length} terms for ${c.node.input.length} inputs`);
  const sizes = new Map<string, number>();
  let widest = 0;
  const terms = written.map((term, index) => {
    const dims = c.dims(c.input(index));
    const [before = '', after] = term.split('...');
    const hidden = after === undefined ? 0 : dims.length - before.length - after.length;
    widest = Math.max(widest, hidden);
    const labels = [...before, ...ellipsisLabels(hidden), ...(after ?? '')];
    if (labels.length !== dims.length || hidden < 0)
      throw c.refuse(`term "${term}" of its equation does not fit the shape [${dims}]`);
    labels.forEach((label, axis) => {
      const known = sizes.get(label) ?? 1;
      sizes.set(label, known === 1 ? dims[axis]! : known);
    });
    return labels;
  });
  const counts = new Map<string, number>();
  for (const label of terms.flat()) counts.set(label, (counts.get(label) ?? 0) + 1);
  const implied = [...counts].filter(([label, count]) => count === 1 && !label.startsWith('…'));
  const result =
    right === undefined
      ? [...ellipsisLabels(widest), ...implied.map(([label]) => label).sort()]
      : right.includes('...')
        ? [...right.split('...')[0]!, ...ellipsisLabels(widest), ...right.split('...')[1]!]
        : [...right];
  return { terms, result, sizes };
}

/** One axis for each label: the diagonal of an axis that is named twice; axes of size 1 that others broadcast are dropped. */
function simplify(c: DecomposeContext, input: string, labels: readonly string[], equation: Equation): Term {
  const dims = c.dims(input);
  const kept = labels.map((label, axis) => dims[axis] !== 1 || equation.sizes.get(label) === 1);
  let term: Term = { value: input, labels: labels.filter((_, axis) => kept[axis]) };
  if (kept.includes(false)) term = { ...term, value: c.reshape(input, sizesOf(equation, term.labels)) };
  for (;;) {
    const current = term.labels;
    const axis = current.findIndex((label, position) => current.indexOf(label) < position);
    if (axis < 0) return term;
    const first = current.indexOf(current[axis]!);
    const size = equation.sizes.get(current[axis]!)!;
    const identity = new Float64Array(size * size).map((_, at) => Number(at % (size + 1) === 0));
    const shape = current.map((_, position) => (position === first || position === axis ? size : 1));
    const masked = c.op('Mul', [term.value, c.floats(shape, identity)]);
    term = { value: c.sum(masked, [axis], 0), labels: current.filter((_, position) => position !== axis) };
  }
}

const sizesOf = ({ sizes }: Equation, labels: readonly string[]): number[] =>
  labels.map((label) => sizes.get(label)!);

/** Sums the labels that nothing else reads. */
function sumOut(c: DecomposeContext, term: Term, wanted: ReadonlySet<string>): Term {
  const axes = term.labels.flatMap((label, axis) => (wanted.has(label) ? [] : [axis]));
  if (axes.length === 0) return term;
  return { value: c.sum(term.value, axes, 0), labels: term.labels.filter((label) => wanted.has(label)) };
}

function arrange(c: DecomposeContext, { value, labels }: Term, order: readonly string[]): string {
  const perm = order.map((label) => labels.indexOf(label));
  return perm.every((axis, position) => axis === position) ? value : c.op('Transpose', [value], { perm });
}

/** Two terms as one batched matrix product: labels in both and wanted are the batch, in both and not wanted the sum. */
function contract(
  c: DecomposeContext,
  a: Term,
  b: Term,
  wanted: ReadonlySet<string>,
  equation: Equation,
): Term {
  const [left, right] = [sumOut(c, a, union(wanted, b.labels)), sumOut(c, b, union(wanted, a.labels))];
  const shared = left.labels.filter((label) => right.labels.includes(label));
  const batch = shared.filter((label) => wanted.has(label));
  const inner = shared.filter((label) => !wanted.has(label));
  const rows = left.labels.filter((label) => !shared.includes(label));
  const columns = right.labels.filter((label) => !shared.includes(label));
  const [batchSize, innerSize, rowSize, columnSize] = [batch, inner, rows, columns].map((labels) =>
    elementCount(sizesOf(equation, labels)),
  ) as [number, number, number, number];
  const matrix = (term: Term, order: readonly string[], dims: readonly number[]) =>
    c.reshape(arrange(c, term, order), dims);
  const product = c.op('MatMul', [
    matrix(left, [...batch, ...rows, ...inner], [batchSize, rowSize, innerSize]),
    matrix(right, [...batch, ...inner, ...columns], [batchSize, innerSize, columnSize]),
  ]);
  const labels = [...batch, ...rows, ...columns];
  return { value: c.reshape(product, sizesOf(equation, labels)), labels };
}

const union = (set: ReadonlySet<string>, more: readonly string[]): Set<string> => new Set([...set, ...more]);

/** Pairwise contractions from left to right. Source: ONNX specification of Einsum, numpy.einsum's equations. */
export const einsum: Decomposition = (c) => {
  const equation = parse(c);
  const terms = equation.terms.map((labels, index) => simplify(c, c.input(index), labels, equation));
  let total = terms[0]!;
  terms.slice(1).forEach((term, index) => {
    const later = terms.slice(index + 2).flatMap(({ labels }) => labels);
    total = contract(c, total, term, new Set([...equation.result, ...later]), equation);
  });
  total = sumOut(c, total, new Set(equation.result));
  // An axis of size 1 that every term has lost comes back.
  const present = equation.result.filter((label) => total.labels.includes(label));
  c.defineReshaped(0, arrange(c, total, present), sizesOf(equation, equation.result));
};
