import { decidingInputs, inlineControlFlow } from '../autodiff/prepare/control-flow.js';
import { toEvaluationForm } from '../autodiff/prepare/evaluation-form.js';
import { foldSources } from '../autodiff/prepare/fold-sources.js';
import { readBy, uniqueNodeNames } from '../autodiff/prepare/rename.js';
import { opKey } from '../onnx/domains.js';
import type { Graph, ModelProto } from '../onnx/proto.js';
import { computeConstants } from '../ort/fold-constants.js';
import type { Runtime } from '../ort/library.js';
import { forwardTypes } from './trainable-graph.js';

/** Branches in branches. */
const DEPTH = 16;

/**
 * Replaces each If that constants decide by its branch. One that shapes decide stays: another batch size may decide it otherwise.
 * @param graph with static input shapes
 */
export async function resolveConstantBranches(
  runtime: Runtime,
  model: ModelProto,
  graph: Graph,
): Promise<Graph> {
  let current = graph;
  for (let round = 0; round < DEPTH; round++) {
    const conditions = current.node.filter((node) => opKey(node) === 'If').flatMap(decidingInputs);
    const wanted = conditions.filter((name) => !dependsOnShapes(current, name));
    if (wanted.length === 0) return current;
    const types = await forwardTypes(runtime, model, current);
    const constants = await computeConstants(runtime, { ...model, graph: current }, types, wanted);
    const next = inlineControlFlow(current, constants, new Map());
    if (next === current) return current;
    current = uniqueNodeNames(toEvaluationForm(foldSources(next).graph).graph);
  }
  return current;
}

function dependsOnShapes({ node }: Graph, value: string): boolean {
  const needed = new Set([value]);
  for (const each of [...node].reverse()) {
    if (!each.output.some((name) => needed.has(name))) continue;
    const key = opKey(each);
    if (key === 'Shape' || key === 'Size') return true;
    for (const name of readBy(each)) needed.add(name);
  }
  return false;
}
