import { intAttribute, intsAttribute } from '../../onnx/attributes.js';
import { opKey } from '../../onnx/domains.js';
import { type Graph, int64, type Node, type Tensor } from '../../onnx/proto.js';
import { constantInts, constantTensor } from '../../onnx/tensors/constants.js';
import { isFloatingPoint, tensorData } from '../../onnx/tensors/tensor.js';

/** A graph read from its outputs backwards. */
export class Backwards {
  private readonly makers = new Map<string, Node>();

  constructor(readonly graph: Pick<Graph, 'node' | 'initializer'>) {
    for (const node of graph.node) for (const name of node.output) if (name) this.makers.set(name, node);
  }

  maker(name: string | undefined): Node | undefined {
    return name ? this.makers.get(name) : undefined;
  }

  /** The node of an op that makes a value, copies of it left out. */
  madeBy(op: string, name: string | undefined): Node | undefined {
    const node = this.maker(this.original(name));
    return node && opKey(node) === op ? node : undefined;
  }

  /** The value that a value is a copy of. */
  original(name: string | undefined): string {
    let current = name ?? '';
    for (let node = this.maker(current); node && isCopy(node); node = this.maker(current))
      current = node.input[0]!;
    return current;
  }

  isSame(a: string | undefined, b: string | undefined): boolean {
    return this.original(a) === this.original(b);
  }

  /** The number that a value is in each of its elements, where that is constant. */
  number(name: string | undefined): number | undefined {
    const tensor = name ? constantTensor(this.whole, this.original(name)) : undefined;
    if (!tensor || tensor.dataType === undefined || tensor.dataType === 8 || isWithoutValues(tensor))
      return undefined;
    const values = tensorData(tensor);
    const first = values.length > 0 ? Number(values[0]) : undefined;
    return values.length <= 64 && Array.from(values, Number).every((value) => value === first)
      ? first
      : undefined;
  }

  /** Whether a value is a constant list of what classes are called: numbers or texts. */
  isNames(name: string | undefined): boolean {
    const tensor = name ? constantTensor(this.whole, name) : undefined;
    return tensor !== undefined && !isFloatingPoint(tensor.dataType ?? 0);
  }

  /** The axes of a reduction, from its attribute or its input. */
  axes(node: Node): number[] | undefined {
    return (
      intsAttribute(node, 'axes') ?? (node.input[1] ? constantInts(this.whole, node.input[1]) : undefined)
    );
  }

  private get whole(): Graph {
    return this.graph as Graph;
  }
}

/** Identity, a conversion between floating-point types, or Dropout, which drops nothing in evaluation. */
export const isCopy = (node: Node): boolean => {
  const key = opKey(node);
  if (key === 'Cast') return isFloatingPoint(intAttribute(node, 'to', 0));
  return key === 'Identity' || key === 'Dropout';
};

/** The weights of a session hold none: these are in its buffers. */
const isWithoutValues = ({ rawData, floatData, dims = [] }: Tensor): boolean =>
  rawData?.length === 0 && !floatData?.length && dims.every((dim) => int64(dim) > 0);
