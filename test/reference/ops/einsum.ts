import { stringAttribute } from '../../../src/onnx/attributes.js';
import { dot, filled, forEachIndex, type NdArray, stridesOf } from '../nd-array.js';
import type { Op, OpTable } from './op.js';

/** Σ over every label that the result lacks of the product of all operands, each label one loop. */
const einsum: Op = (inputs, node) => {
  const [left, right] = stringAttribute(node, 'equation', '').replaceAll(' ', '').split('->');
  const hiddenRank = (term: string, array: NdArray) =>
    term.includes('...') ? array.dims.length - (term.length - 3) : 0;
  const written = left!.split(',');
  const widest = Math.max(...written.map((term, index) => hiddenRank(term, inputs[index]!)));
  // Axes of the ellipsis are labels 0, 1, … from the right.
  const spell = (term: string, rank: number): string[] => {
    const hidden = Array.from({ length: rank }, (_, axis) => String(rank - 1 - axis));
    return term.includes('...') ? [...term.split('...')[0]!, ...hidden, ...term.split('...')[1]!] : [...term];
  };
  const terms = written.map((term, index) => spell(term, hiddenRank(term, inputs[index]!)));
  const all = terms.flat();
  const once = [...new Set(all)].filter(
    (label) => /\D/.test(label) && all.filter((l) => l === label).length === 1,
  );
  const result = spell(right ?? `...${once.sort().join('')}`, widest);
  const sizes = new Map<string, number>();
  for (const [index, labels] of terms.entries()) {
    for (const [axis, label] of labels.entries())
      if ((sizes.get(label) ?? 1) === 1) sizes.set(label, inputs[index]!.dims[axis]!);
  }
  const loops = [...sizes.keys()];
  const y = filled(result.map((label) => sizes.get(label)!));
  const outputStrides = stridesOf(y.dims);
  const strides = inputs.map((array) =>
    stridesOf(array!.dims).map((stride, axis) => (array!.dims[axis] === 1 ? 0 : stride)),
  );
  forEachIndex([...sizes.values()], (index) => {
    const at = (labels: readonly string[]) => labels.map((label) => index[loops.indexOf(label)]!);
    const product = terms.reduce(
      (value, labels, i) => value * inputs[i]!.data[dot(strides[i]!, at(labels))]!,
      1,
    );
    y.data[dot(outputStrides, at(result))]! += product;
  });
  return [y];
};

export const summation: OpTable = { Einsum: einsum };
