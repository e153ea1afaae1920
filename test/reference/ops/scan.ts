import { intAttribute } from '../../../src/onnx/attributes.js';
import { mapLines } from './axis-line.js';
import type { Op, OpTable } from './op.js';

/** Along the axis of the second input: y_i combines x_0 … x_i, without x_i when exclusive, from the end when reversed. */
const scan =
  (initial: number, combine: (total: number, value: number) => number): Op =>
  ([x, axis], node) => {
    const exclusive = intAttribute(node, 'exclusive', 0) === 1;
    const reversed = intAttribute(node, 'reverse', 0) === 1;
    const scanned = mapLines(x!, axis!.data[0]!, x!.dims.at(axis!.data[0]!)!, (line) => {
      const source = reversed ? line.toReversed() : line;
      let total = initial;
      const totals = source.map((value) => {
        const before = total;
        total = combine(total, value);
        return exclusive ? before : total;
      });
      return reversed ? totals.toReversed() : totals;
    });
    return [scanned];
  };

export const scans: OpTable = {
  CumSum: scan(0, (total, value) => total + value),
  CumProd: scan(1, (total, value) => total * value),
};
