import { intAttribute, stringAttribute } from '../../onnx/attributes.js';
import { GraphBuilder } from '../../onnx/builder.js';
import { flatminDomain, opKey } from '../../onnx/domains.js';
import type { Graph, Node } from '../../onnx/proto.js';
import { DataType, elementCount, tensorData } from '../../onnx/tensors/tensor.js';
import type { ValueTypes } from '../../onnx/value-types.js';
import { Values, withoutUnread } from '../products/values.js';

/**
 * Writes a ScatterElements that adds whole slices to zeros, as the gradient of a Gather does, as the kernel AddSlices: without an index for
 * each element, and on all threads.
 */
export function fuseAddSlices(graph: Graph, types: ValueTypes): Graph {
  if (!graph.node.some((node) => opKey(node) === 'ScatterElements')) return graph;
  const values = new Values(graph, types);
  const builder = new GraphBuilder({ ...graph, node: [], initializer: [...graph.initializer] });
  builder.reserve(graph.node.flatMap(({ name, output }) => [name ?? '', ...output]));
  const node = graph.node.flatMap((each) => addSlices(each, values, builder) ?? [each]);
  return withoutUnread({ ...graph, node, initializer: builder.graph.initializer });
}

function addSlices(node: Node, values: Values, builder: GraphBuilder): Node[] | undefined {
  if (opKey(node) !== 'ScatterElements' || stringAttribute(node, 'reduction', 'none') !== 'add')
    return undefined;
  const [start, indices, updates] = node.input as [string, string, string];
  const output = node.output[0]!;
  const [dims, lines] = [values.dims(output), values.dims(updates)];
  if (!dims || !lines || !values.isFloat(output) || !isZeros(start, values)) return undefined;
  const given = intAttribute(node, 'axis', 0);
  const axis = given < 0 ? given + dims.length : given;
  if (lines.some((size, at) => at !== axis && size !== dims[at])) return undefined;
  const line = alongAxis(indices, lines, axis, values);
  if (!line) return undefined;
  const nodes: Node[] = [];
  const append = (op: string, inputs: string[], attributes = {}) => {
    const made = builder.detached(op, inputs, attributes);
    nodes.push(made);
    return made.output[0]!;
  };
  const described = (value: string, type: number) => {
    values.types.set(value, { type, dims: [lines[axis]!] });
    return value;
  };
  const { type } = values.types.get(line)!;
  let at = described(append('Reshape', [line, builder.ints([lines[axis]!])]), type);
  if (type !== DataType.int64) at = described(append('Cast', [at], { to: DataType.int64 }), DataType.int64);
  nodes.push(
    builder.detached(
      'AddSlices',
      [updates, at],
      { axis, positions: dims[axis]! },
      { domain: flatminDomain, name: node.name ?? '', outputs: [output] },
    ),
  );
  return nodes;
}

function isZeros(name: string, values: Values): boolean {
  const node = values.producer(name, 'ConstantOfShape');
  const value = node?.attribute.find((attribute) => attribute.name === 'value')?.t;
  if (node) return !value || tensorData(value).every((each: number | bigint) => Number(each) === 0);
  const tensor = values.constant(name);
  return tensor !== undefined && tensorData(tensor).every((each: number | bigint) => Number(each) === 0);
}

/** The indices of one line along the axis, if all lines have the same. */
function alongAxis(
  indices: string,
  lines: readonly number[],
  axis: number,
  values: Values,
): string | undefined {
  const isLine = (dims: readonly number[] | undefined) =>
    dims !== undefined &&
    elementCount(dims) === lines[axis] &&
    (dims.at(axis - lines.length) ?? 1) === lines[axis];
  const expand = values.producer(indices, 'Expand');
  if (expand && isLine(values.dims(expand.input[0]!))) return expand.input[0]!;
  return isLine(lines) ? indices : undefined;
}
