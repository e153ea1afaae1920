import type { Graph } from '../../onnx/proto.js';
import { tensorDims } from '../../onnx/tensors/tensor.js';
import { moduleOf, withoutNumbers } from './modules.js';
import type { ValueFlow } from './uses.js';
import { floatValues, isUntrained } from './values.js';

/** Two tensors that hold one's values, though these are no initial ones. */
export interface Untied {
  readonly names: readonly [string, string];
  readonly transposed: boolean;
}

interface Matrix {
  readonly name: string;
  /** Sizes other than 1. */
  readonly dims: readonly number[];
  readonly values: ArrayLike<number>;
}

/**
 * Finds ties that an exporter has taken apart: parameters that hold the same values, or the transpose of each other's, as an embedding and
 * a head do. Clones in a list of modules begin equal, and are none.
 * @param isParameter of the names of initializers
 * @param splits from each copy to the tensor of the file that it is split from
 */
export function findUntied(
  graph: Graph,
  flow: ValueFlow,
  isParameter: (name: string) => boolean,
  splits: ReadonlyMap<string, string>,
): Untied[] {
  const found: Untied[] = [];
  const seen = new Map<string, Matrix[]>();
  for (const tensor of graph.initializer) {
    const name = tensor.name ?? '';
    const dims = tensorDims(tensor).filter((dim) => dim !== 1);
    if (dims.length < 2 || !isParameter(name)) continue;
    const matrix = { name, dims, values: floatValues(tensor) };
    // Both stay where they are in a transpose.
    const corners = `${dims.toSorted().join()}:${matrix.values[0]}:${matrix.values[matrix.values.length - 1]}`;
    const others = seen.get(corners) ?? [];
    const isApart = (other: Matrix) => {
      const source = (each: string) => splits.get(each) ?? each;
      return source(other.name) !== source(name) && !areClones(flow, other.name, name);
    };
    const twin = others.find((other) => isSame(other, matrix) && isApart(other));
    const mirrored = twin ? undefined : others.find((other) => isTranspose(other, matrix) && isApart(other));
    const other = twin ?? mirrored;
    if (other && !isUntrained(matrix.values, tensorDims(tensor)))
      found.push({ names: [other.name, name], transposed: !twin });
    else seen.set(corners, [...others, matrix]);
  }
  return found;
}

function areClones(flow: ValueFlow, a: string, b: string): boolean {
  const place = (name: string) => {
    const node = flow.uses(name)[0]?.node;
    return (node && moduleOf(node)) || name;
  };
  return withoutNumbers(a) === withoutNumbers(b) || withoutNumbers(place(a)) === withoutNumbers(place(b));
}

function isSame(a: Matrix, b: Matrix): boolean {
  if (a.dims.join() !== b.dims.join()) return false;
  for (let index = 0; index < a.values.length; index++) if (a.values[index] !== b.values[index]) return false;
  return true;
}

function isTranspose(a: Matrix, b: Matrix): boolean {
  const [rows, columns] = a.dims as [number, number];
  if (a.dims.length !== 2 || b.dims.length !== 2 || b.dims[0] !== columns || b.dims[1] !== rows) return false;
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      if (a.values[row * columns + column] !== b.values[column * rows + row]) return false;
  return true;
}
