import { makeAttribute } from '../../onnx/attributes.js';
import { flatminDomain, opKey } from '../../onnx/domains.js';
import type { Attribute, Graph, Node } from '../../onnx/proto.js';
import { elementCount } from '../../onnx/tensors/tensor.js';
import type { ValueTypes } from '../../onnx/value-types.js';
import type { Values } from '../products/values.js';
import { ElementMaps } from './element-maps.js';
import { encodeProgram } from './emit.js';
import { ProgramWriter } from './program.js';

/** Normalisation → the one with an activation's program in it; their gradients are called `<op>Grad`. */
const ACTIVATED: ReadonlyMap<string, string> = new Map([
  ['BatchNorm', 'ActivatedNorm'],
  ['RunningNorm', 'ActivatedRunningNorm'],
]);

/** The most nodes between dz and dy. */
const MOST_OF_GRADIENT = 32;

/**
 * Puts activations into the batch normalisations before them, which run them over the channels at hand:
 *
 *   BatchNorm → y → activation → z        becomes  ActivatedNorm → z
 *   dz, y → its gradient → dy → BatchNormGrad  becomes  dz → ActivatedNormGrad
 *
 * and likewise RunningNorm and its gradient, where nothing else reads y, which then is not kept. An activation is whatever maps of elements make z of y alone, and its gradient
 * whatever maps make dy of y and one value dz.
 */
export function activateNorms(graph: Graph, types: ValueTypes): Graph {
  if (!graph.node.some(isNorm)) return graph;
  const maps = new ElementMaps(graph, types);
  const { values } = maps;
  const replaced = new Map<Node, Node | undefined>();
  for (const norm of graph.node) {
    if (!isNorm(norm) || isActivated(norm) || positions(norm.input[0]!, types) === 1) continue;
    const gradients = gradientsOf(norm, values);
    const [gradient] = gradients;
    if (gradients.size > 1 || (gradient && (isActivated(gradient) || !gradient.output[0]))) continue;
    const found = findActivation(norm, gradient, maps);
    if (!found) continue;
    for (const node of found.nodes) replaced.set(node, undefined);
    const [, ...others] = norm.output;
    const program = forwardProgram(found, maps);
    replaced.set(
      norm,
      kernelNode(ACTIVATED.get(norm.opType)!, norm, norm.input, [found.z, ...others], program),
    );
    if (!gradient) continue;
    const input = [found.dz!, ...gradient.input.slice(1)];
    const backward = backwardProgram(found, gradient.input[0]!, maps);
    replaced.set(
      gradient,
      kernelNode(`${ACTIVATED.get(norm.opType)}Grad`, gradient, input, gradient.output, backward),
    );
  }
  const node = graph.node.flatMap((each) => (replaced.has(each) ? (replaced.get(each) ?? []) : [each]));
  return { ...graph, node };
}

const isNorm = ({ domain, opType }: Node): boolean => domain === flatminDomain && ACTIVATED.has(opType);

/** The gradients of a normalisation: those that read its statistics, or for running ones, all that it reads. */
function gradientsOf(norm: Node, values: Values): ReadonlySet<Node> {
  const byBatch = norm.opType === 'BatchNorm';
  const isOwn = (node: Node) =>
    opKey(node) === `${flatminDomain}:${norm.opType}Grad` &&
    (byBatch || norm.input.every((name, at) => node.input[at + 1] === name));
  return new Set(values.readers((byBatch ? norm.output[3] : norm.input[0]) ?? '').filter(isOwn));
}

const isActivated = (node: Node): boolean =>
  node.attribute.some(({ name, i }) => name === 'relu' && Number(i) !== 0);

/** Elements of a channel of one sample. */
const positions = (name: string, types: ValueTypes): number =>
  elementCount(types.get(name)?.dims.slice(2) ?? []);

interface Activation {
  readonly y: string;
  readonly z: string;
  /** None of a norm without a gradient. */
  readonly dz: string | undefined;
  /** All nodes that the kernels stand for. */
  readonly nodes: ReadonlySet<Node>;
}

function findActivation(norm: Node, gradient: Node | undefined, maps: ElementMaps): Activation | undefined {
  const y = norm.output[0]!;
  const ofY = maps.madeOf(y);
  if (ofY.size === 0 || maps.values.isOutput(y)) return undefined;
  const isOfY = (name: string) => name === y || ofY.has(maps.values.producer(name)!);
  for (const { dz, nodes } of gradient
    ? gradientsTo(gradient, y, isOfY, maps)
    : [{ dz: undefined, nodes: [] }]) {
    const inside = new Set([...ofY, ...nodes]);
    const z = soleResult(inside, [y, ...[...ofY].map(({ output }) => output[0]!)], gradient, maps.values);
    if (z !== undefined && z !== y) return { y, z, dz, nodes: inside };
  }
  return undefined;
}

/** The one value that is read outside of some nodes; undefined where there are more. */
function soleResult(
  inside: ReadonlySet<Node>,
  made: readonly string[],
  gradient: Node | undefined,
  values: Values,
): string | undefined {
  const isRead = (name: string) =>
    values.isOutput(name) || values.readers(name).some((node) => node === gradient || !inside.has(node));
  const [first, ...others] = made.filter(isRead);
  return others.length === 0 ? first : undefined;
}

/** Which maps may make dy of y and one other value: each with more of the nodes before dy than the one before. */
function* gradientsTo(
  gradient: Node,
  y: string,
  isOfY: (name: string) => boolean,
  maps: ElementMaps,
): Generator<{ dz: string; nodes: readonly Node[] }> {
  const nodes = new Set<Node>();
  const isInside = (node: Node) => node === gradient || nodes.has(node);
  let open = [gradient.input[0]!];
  while (nodes.size < MOST_OF_GRADIENT) {
    const next = open
      .map((name) => ({ name, map: maps.mapOf(name) }))
      .find(
        ({ name, map }) =>
          map &&
          maps.hasDimsOf(name, y) &&
          !maps.values.isOutput(name) &&
          maps.values.readers(name).every(isInside),
      );
    if (!next) return;
    nodes.add(next.map!.node);
    const operands = next.map!.operands.filter((name) => !isOfY(name) && maps.constant(name) === undefined);
    open = [...new Set([...open.filter((name) => name !== next.name), ...operands])];
    const [dz] = open;
    if (open.length === 1 && maps.hasDimsOf(dz!, y) && maps.values.isFloat(dz!))
      yield { dz: dz!, nodes: [...nodes] };
  }
}

/** Inputs x, a and b: y = a·x + b; output z. */
function forwardProgram({ y, z }: Activation, maps: ElementMaps): ProgramWriter {
  const program = new ProgramWriter();
  const [x, a, b] = load(program, 3);
  program.result('Store', maps.emit(program, z, new Map([[y, program.op('MulAdd', x!, a!, b!)]])), 0);
  return program;
}

/** Inputs dz, x, a and b; output dy. */
function backwardProgram({ y, dz }: Activation, dy: string, maps: ElementMaps): ProgramWriter {
  const program = new ProgramWriter();
  const [given, x, a, b] = load(program, 4);
  const known = new Map([
    [y, program.op('MulAdd', x!, a!, b!)],
    [dz!, given!],
  ]);
  program.result('Store', maps.emit(program, dy, known), 0);
  return program;
}

const load = (program: ProgramWriter, count: number): number[] =>
  Array.from({ length: count }, (_, index) => program.op('Load', index));

/** A node of a kernel in place of another, with its attributes but for `relu`, and a program. */
function kernelNode(
  opType: string,
  from: Node,
  input: readonly string[],
  output: readonly string[],
  program: ProgramWriter,
): Node {
  const attribute: Attribute[] = Object.entries(encodeProgram(program)).map(([name, value]) =>
    makeAttribute(name, value!),
  );
  const own = from.attribute.filter(({ name }) => name !== 'relu');
  return { ...from, opType, input: [...input], output: [...output], attribute: [...own, ...attribute] };
}
