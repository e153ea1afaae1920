import { FlatminError } from '../errors.js';
import { append } from '../onnx/append.js';
import { describeNode } from '../onnx/attributes.js';
import type { GraphBuilder } from '../onnx/builder.js';
import { opKey } from '../onnx/domains.js';
import type { Graph, Node } from '../onnx/proto.js';
import type { ValueTypes } from '../onnx/value-types.js';
import { dependents } from './dependents.js';
import { readBy, subgraphs } from './prepare/rename.js';
import { refused } from './refused.js';
import { nonDifferentiable, rules } from './registry.js';
import { type ReportNode, rethrow } from './report-node.js';
import { type Gradient, RuleContext } from './rule.js';
import { undecidedAdvice } from './undecided.js';

/**
 * Reverse-mode differentiation: appends to the builder's graph the nodes that compute gradients.
 * @param types types of every forward value; the gradients' types are added to it
 * @param seeds gradient of each value the walk starts from (value → name of its gradient)
 * @param wrt the values whose gradients are wanted
 * @param report takes the errors of single nodes, which hand on no gradient then; default: they are thrown
 * @returns the gradient of each value of `wrt` that the seeds depend on, by value
 * @throws FlatminError NO_GRADIENT naming the node without a rule and the values that need it
 */
export function backward(
  builder: GraphBuilder,
  types: ValueTypes,
  seeds: ReadonlyMap<string, string>,
  wrt: readonly string[],
  report: ReportNode = rethrow,
): Map<string, string> {
  const { total } = walk(builder, types, seeds, wrt, report);
  const found = wrt.map((value) => [value, total(value)] as const);
  return new Map(found.filter((entry): entry is readonly [string, string] => entry[1] !== undefined));
}

interface Walk {
  /** The terms of the gradient of each value that no node of the graph makes. */
  readonly terms: ReadonlyMap<string, readonly string[]>;
  readonly total: (value: string) => string | undefined;
}

function walk(
  builder: GraphBuilder,
  types: ValueTypes,
  seeds: ReadonlyMap<string, string>,
  wrt: readonly string[],
  report: ReportNode,
): Walk {
  const forward = [...builder.graph.node];
  const active = dependents(forward, wrt);
  const collected = new Map<string, string[]>();
  const add = (value: string, gradient: string) => append(collected, value, gradient);
  const total = (value: string): string | undefined => {
    const parts = collected.get(value);
    if (!parts) return undefined;
    const sum =
      parts.length === 1
        ? parts[0]!
        : builder.op(
            parts.length === 2 ? 'Add' : 'Sum',
            parts,
            {},
            { outputs: [builder.fresh(`${value}_grad`)] },
          );
    collected.set(value, [sum]);
    const type = types.get(value);
    if (type) types.set(sum, type);
    return sum;
  };

  for (const [value, gradient] of seeds) add(value, gradient);
  for (const node of forward.reverse()) {
    const outputGradients = node.output.map((name) => (active.has(name) ? total(name) : undefined));
    const needed = node.input.map((name) => active.has(name));
    const captured = subgraphs(node).length > 0 ? readBy(node).filter((name) => active.has(name)) : [];
    const reads = captured.length > 0 || needed.some(Boolean);
    if (!outputGradients.some(Boolean) || !reads || nonDifferentiable.has(opKey(node))) continue;
    const context = new RuleContext(node, builder, types, outputGradients, needed, {
      active: captured,
      add,
      differentiate: (body, bodySeeds, bodyWrt) => walk(body, types, bodySeeds, bodyWrt, rethrow).terms,
    });
    try {
      const gradients = ruleFor(node, forward, wrt, builder.graph)(context);
      node.input.forEach((name, index) => {
        const gradient = gradients[index];
        if (needed[index] && gradient) add(name, sumToShape(builder, gradient, context.dims(name)));
      });
    } catch (error) {
      report(node, error);
    }
  }
  return { terms: collected, total };
}

function ruleFor(node: Node, nodes: readonly Node[], wrt: readonly string[], graph: Graph) {
  const rule = rules[opKey(node)];
  if (rule) return rule;
  const behind = wrt.filter((value) =>
    readBy(node).some((name) => dependents([...nodes].reverse(), [value]).has(name)),
  );
  const shown = behind.slice(0, 3).join(', ') + (behind.length > 3 ? ` and ${behind.length - 3} more` : '');
  const why = refused[opKey(node)];
  throw new FlatminError(
    'NO_GRADIENT',
    `${describeNode(node)} has no gradient rule${why ? ` (${why})` : ''}, and ${shown} reach the loss only through it or partly: freeze them or replace the node.${undecidedAdvice(graph, node, wrt)}`,
  );
}

/** Sums a gradient over the axes along which its input was broadcast. */
function sumToShape(
  builder: GraphBuilder,
  gradient: NonNullable<Gradient>,
  target: readonly number[],
): string {
  if (typeof gradient === 'string') return gradient;
  const { value, dims } = gradient;
  const lead = dims.length - target.length;
  const axes = dims
    .map((_, axis) => axis)
    .filter((axis) => axis < lead || (target[axis - lead] === 1 && dims[axis] !== 1));
  if (axes.length === 0) return value;
  const summed = builder.op('ReduceSum', [value, builder.ints(axes)], { keepdims: lead === 0 ? 1 : 0 });
  const kept = lead === 0 ? target.length : dims.length - axes.length;
  return kept === target.length ? summed : builder.op('Reshape', [summed, builder.ints(target)]);
}
