import { describeNode } from '../onnx/attributes.js';
import { opKey } from '../onnx/domains.js';
import type { Graph, Node, ValueInfo } from '../onnx/proto.js';
import { dimsOf } from '../onnx/shapes/dimensions.js';
import { isFloatingPoint } from '../onnx/tensors/tensor.js';
import { decidingInputs, isControlFlow } from './prepare/control-flow.js';
import { readBy } from './prepare/rename.js';

/**
 * What an If or Loop that stayed hangs on, and what can be said to decide it; empty for other nodes.
 * @param learned inputs of the graph that are parameters
 */
export function undecidedAdvice(
  graph: Pick<Graph, 'node' | 'input'>,
  node: Node,
  learned: readonly string[] = [],
): string {
  if (!isControlFlow(node)) return '';
  const inputs = inputsBehind(graph, decidingInputs(node)).filter(({ name }) => !learned.includes(name));
  if (inputs.length === 0) return '';
  const names = inputs.map(({ name }) => `"${name}"`).join(' and ');
  const what = opKey(node) === 'If' ? 'Its condition hangs' : 'How often it runs hangs';
  const hint = inputs.every(isSetting)
    ? `: say what ${inputs.length > 1 ? 'they are' : 'it is'} in this session, ${inputs.map(({ name }) => `--constant ${name}=VALUE`).join(' ')} or constants: { ${inputs.map(({ name }) => `"${name}": …`).join(', ')} }`
    : '';
  return ` ${what} on the input ${names}${hint}.`;
}

/** The same for the first of a graph's nodes that hangs on an input, with the node's name. */
export function firstUndecided(graph: Pick<Graph, 'node' | 'input'>): string {
  for (const node of graph.node) {
    const advice = undecidedAdvice(graph, node);
    if (advice) return ` Weights inside ${describeNode(node)} count only when that is decided.${advice}`;
  }
  return '';
}

/** Integers, truth values and single numbers: what tells a model how to work, rather than on what. */
function isSetting(info: ValueInfo): boolean {
  const dims = dimsOf(info) ?? [];
  const isSingle = dims.every((dim) => dim === 1);
  return isSingle || !isFloatingPoint(info.type?.tensorType?.elemType ?? 0);
}

/** The inputs whose elements decide values; those whose shape alone does are left out. */
function inputsBehind(
  { node, input }: Pick<Graph, 'node' | 'input'>,
  values: readonly string[],
): ValueInfo[] {
  const needed = new Set(values);
  for (const each of [...node].reverse()) {
    const key = opKey(each);
    if (key === 'Shape' || key === 'Size' || !each.output.some((name) => needed.has(name))) continue;
    for (const name of readBy(each)) needed.add(name);
  }
  return input.filter(({ name }) => needed.has(name));
}
