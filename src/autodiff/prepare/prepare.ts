import { defaultIrVersion } from '../../onnx/builder.js';
import { opKey } from '../../onnx/domains.js';
import { type Graph, int64, type ModelProto } from '../../onnx/proto.js';
import { verifyModel } from '../../onnx/verify.js';
import { toEvaluationForm } from './evaluation-form.js';
import type { InputConstants } from './fixed-inputs.js';
import { foldSources, type Origin } from './fold-sources.js';
import { inlineFunctions } from './inline-functions.js';
import { raiseOpset } from './raise-opset.js';
import { uniqueNodeNames } from './rename.js';

/** A forward model in the one form that later stages read; it computes what the model it was made from does in evaluation. */
export interface PreparedModel {
  /** Flat, operator set 17 or newer, all constants as initializers that are no inputs, everything in evaluation form. */
  readonly model: ModelProto;
  /** Where the value of each initializer is in the model it was made from. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** Other names that the file has for an initializer. */
  readonly aliases: ReadonlyMap<string, readonly string[]>;
  /** BatchNormalization or Dropout nodes came in training form. */
  readonly wasTraining: boolean;
  /** Inputs that are constant in the session, and wait for the sizes of their open dimensions. */
  readonly constants?: InputConstants;
}

/**
 * Brings any forward model into the form that gradients are taken of: local functions inlined, operator sets below 17 raised to it,
 * constants made initializers, batch normalisation and dropout in evaluation form. The given model is not changed.
 * @throws FlatminError INVALID_MODEL naming the node or value that is broken or of an old form without an equal
 */
export function prepareModel(given: ModelProto): PreparedModel {
  verifyModel(given, `Model "${given.graph.name ?? ''}"`);
  const raised = raiseOpset(inlineFunctions(given));
  const folded = foldSources(raised.graph);
  const { graph, wasTraining } = toEvaluationForm(folded.graph);
  const irVersion = Math.max(int64(raised.irVersion), defaultIrVersion);
  return {
    model: { ...raised, irVersion, graph: uniqueNodeNames(graph) },
    origins: ownOrigins(given.graph, folded.origins),
    aliases: folded.aliases,
    wasTraining,
  };
}

/** Those that the file itself holds; constants of functions, branches and raised nodes are none of these. */
function ownOrigins(graph: Graph, origins: ReadonlyMap<string, Origin>): Map<string, Origin> {
  const own = new Set(graph.initializer.map(({ name }) => name ?? ''));
  for (const node of graph.node) {
    const key = opKey(node);
    if (key === 'Constant' || key === 'ConstantOfShape') own.add(node.output[0] ?? '');
  }
  return new Map([...origins].filter(([name]) => own.has(name)));
}
