import { append } from '../../onnx/append.js';
import { opKey } from '../../onnx/domains.js';
import type { Attribute, Graph, Node, Tensor } from '../../onnx/proto.js';
import { int64 } from '../../onnx/proto.js';
import { DataType, int64Data, makeTensor, tensorData } from '../../onnx/tensors/tensor.js';
import { renameNode } from './rename.js';

/** Where the file keeps the value of an initializer of the prepared graph. */
export type Origin = 'initializer' | 'constant' | 'filled';

export interface FoldedSources {
  readonly graph: Graph;
  readonly origins: ReadonlyMap<string, Origin>;
  /** Names that were other names of an initializer (Identity nodes), by that initializer. */
  readonly aliases: ReadonlyMap<string, readonly string[]>;
}

/**
 * Makes initializers of everything that holds a constant: Constant nodes ('constant'), and ConstantOfShape nodes whose shape is the
 * initializer NAME__SHAPE of their output NAME ('filled', the form of weights in the ONNX backend tests' light models). Initializers
 * that are listed as inputs too are taken off the inputs; Identity nodes on initializers give way to these.
 */
export function foldSources(graph: Graph): FoldedSources {
  const origins = new Map<string, Origin>(graph.initializer.map(({ name }) => [name ?? '', 'initializer']));
  const tensors = new Map<string, Tensor>(graph.initializer.map((tensor) => [tensor.name ?? '', tensor]));
  const outputs = new Set(graph.output.map(({ name }) => name));
  const renamed = new Map<string, string>();
  const aliases = new Map<string, string[]>();
  const nodes: Node[] = [];
  for (const original of graph.node) {
    const node = renamed.size > 0 ? renameNode(original, (name) => renamed.get(name) ?? name) : original;
    const output = node.output[0] ?? '';
    const source = node.input[0] ?? '';
    if (opKey(node) === 'Identity' && tensors.has(source) && !outputs.has(output)) {
      renamed.set(output, source);
      append(aliases, source, output);
      continue;
    }
    const tensor = constantOf(node, output) ?? filled(node, output, tensors);
    if (!tensor || outputs.has(output)) {
      nodes.push(node);
      continue;
    }
    tensors.set(output, tensor);
    origins.set(output, opKey(node) === 'Constant' ? 'constant' : 'filled');
  }
  return {
    graph: {
      ...graph,
      node: nodes,
      initializer: [...tensors.values()],
      input: graph.input.filter(({ name }) => origins.get(name) !== 'initializer'),
    },
    origins,
    aliases,
  };
}

/** The tensor of a Constant node; nothing for texts and sparse tensors. */
export function constantOf(node: Node, name: string): Tensor | undefined {
  if (opKey(node) !== 'Constant') return undefined;
  const [attribute] = node.attribute;
  if (attribute?.t) return attribute.t.dataType === DataType.string ? undefined : { ...attribute.t, name };
  return attribute && fromNumbers(attribute, name);
}

function fromNumbers(attribute: Attribute, name: string): Tensor | undefined {
  const { f = 0, floats = [], i, ints = [] } = attribute;
  switch (attribute.name) {
    case 'value_float':
      return makeTensor(name, 'float', [], Float32Array.of(f));
    case 'value_floats':
      return makeTensor(name, 'float', [floats.length], Float32Array.from(floats));
    case 'value_int':
      return makeTensor(name, 'int64', [], int64Data([int64(i)]));
    case 'value_ints':
      return makeTensor(name, 'int64', [ints.length], int64Data(ints.map((value) => int64(value))));
    default:
      return undefined;
  }
}

function filled(node: Node, name: string, tensors: ReadonlyMap<string, Tensor>): Tensor | undefined {
  if (opKey(node) !== 'ConstantOfShape' || node.input[0] !== `${name}__SHAPE`) return undefined;
  const shape = tensors.get(node.input[0]);
  const value = node.attribute.find((attribute) => attribute.name === 'value')?.t;
  if (!shape || (value && value.dataType !== DataType.float)) return undefined;
  const dims = Array.from(tensorData(shape) as ArrayLike<bigint>, Number);
  const data = new Float32Array(dims.reduce((product, dim) => product * dim, 1));
  if (value) data.fill(Number(tensorData(value)[0]));
  return makeTensor(name, 'float', dims, data);
}
