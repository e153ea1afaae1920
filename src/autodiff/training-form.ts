import { float, floatAttribute } from '../onnx/attributes.js';
import type { GraphBuilder } from '../onnx/builder.js';
import { microsoft, opKey } from '../onnx/domains.js';
import type { ValueTypes } from '../onnx/value-types.js';

/**
 * Puts batch normalisation into training mode, in place: batch statistics, and running ones that move as
 * running ← momentum·running + (1 − momentum)·batch (momentum: the node's own).
 * @returns for each running statistic, the name of its new value
 */
export function useBatchStatistics(builder: GraphBuilder, types: ValueTypes): Map<string, string> {
  const updated = new Map<string, string>();
  for (const node of builder.graph.node) {
    if (opKey(node) !== 'BatchNormalization') continue;
    const [, scale, , mean, variance] = node.input;
    const epsilon = float(floatAttribute(node, 'epsilon', 1e-5));
    const momentum = float(floatAttribute(node, 'momentum', 0.9));
    const statistic = types.get(scale!)!;
    const named = [mean!, variance!].map((name) => builder.fresh(`${name}_new`));
    const saved = ['saved_mean', 'saved_inv_std'].map((suffix) =>
      builder.fresh(`${node.name || 'batch_norm'}.${suffix}`),
    );
    for (const name of [...named, ...saved]) types.set(name, statistic);
    const replacement = builder.detached(
      'BatchNormInternal',
      node.input,
      { epsilon, momentum, training_mode: 1 },
      { domain: microsoft, outputs: [node.output[0]!, ...named, ...saved] },
    );
    Object.assign(node, replacement, { name: node.name || replacement.name });
    updated.set(mean!, named[0]!);
    updated.set(variance!, named[1]!);
  }
  return updated;
}
