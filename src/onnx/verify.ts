import { FlatminError } from '../errors.js';
import { describeNode } from './attributes.js';
import { isStandardDomain, microsoft } from './domains.js';
import type { Graph, ModelProto, Node } from './proto.js';
import { subgraphs } from './subgraphs.js';

/**
 * Checks what every later stage relies on: operator sets named, nodes with inputs, values defined once and before use, outputs defined.
 * @throws FlatminError INVALID_MODEL naming the node or value
 */
export function verifyModel(model: ModelProto, source = 'The model'): void {
  const domains = new Set(model.opsetImport.map(({ domain }) => domainName(domain)));
  verifyGraph(model.graph, new Set(), domains, source);
}

/** Bodies in bodies that the messages of a file may hold: protobuf's readers take a hundred messages in each other, three a body. */
const NESTING = 32;

/** @throws FlatminError INVALID_MODEL naming the node whose bodies, of an If or a Loop, are in too many others */
export function verifyNesting({ graph, functions }: ModelProto, source: string): void {
  const visit = (nodes: readonly Node[], depth: number): void => {
    for (const node of nodes)
      for (const body of subgraphs(node)) {
        if (depth === NESTING)
          throw new FlatminError(
            'INVALID_MODEL',
            `${source}: ${describeNode(node)} has a body inside ${NESTING} others: expected at most ${NESTING} in each other.`,
          );
        visit(body.node, depth + 1);
      }
  };
  visit(graph.node, 0);
  for (const { node } of functions ?? []) visit(node, 0);
}

const domainName = (domain: string | undefined): string => (domain === 'ai.onnx' ? '' : (domain ?? ''));

/** Standard ops whose first input may be absent. */
const SOURCES: ReadonlySet<string> = new Set([
  'Constant',
  'Loop',
  'Optional',
  'RandomNormal',
  'RandomUniform',
  'Scan',
  'SequenceEmpty',
]);

function verifyGraph(
  graph: Graph,
  outer: ReadonlySet<string>,
  domains: ReadonlySet<string>,
  source: string,
): void {
  const defined = new Set<string>(outer);
  for (const { name } of graph.input) defined.add(name);
  for (const tensor of graph.initializer) defined.add(tensor.name ?? '');
  for (const node of graph.node) {
    // ONNX Runtime imports its own operators by itself.
    if (!domains.has(domainName(node.domain)) && node.domain !== microsoft) {
      throw new FlatminError(
        'INVALID_MODEL',
        `${source} uses ${describeNode(node)} but imports no operator set of domain "${domainName(node.domain)}".`,
      );
    }
    if (isStandardDomain(node.domain) && !SOURCES.has(node.opType) && !node.input[0])
      throw new FlatminError('INVALID_MODEL', `${source}: ${describeNode(node)} lacks its first input.`);
    for (const name of node.input) {
      if (name !== '' && !defined.has(name)) {
        throw new FlatminError(
          'INVALID_MODEL',
          `${source}: ${describeNode(node)} reads "${name}", which no input, initializer or earlier node defines.`,
        );
      }
    }
    for (const attribute of node.attribute) {
      if (attribute.g) verifyGraph(attribute.g, defined, domains, source);
      for (const nested of attribute.graphs ?? []) verifyGraph(nested, defined, domains, source);
    }
    for (const name of node.output) {
      if (name === '') continue;
      if (defined.has(name))
        throw new FlatminError(
          'INVALID_MODEL',
          `${source}: ${describeNode(node)} defines "${name}" a second time.`,
        );
      defined.add(name);
    }
  }
  for (const { name } of graph.output) {
    if (!defined.has(name))
      throw new FlatminError('INVALID_MODEL', `${source}: output "${name}" is defined by no node.`);
  }
}
