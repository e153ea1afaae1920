import { FlatminError } from '../errors.js';
import { describeNode, floatAttribute } from '../onnx/attributes.js';
import { opKey } from '../onnx/domains.js';
import type { ModelProto } from '../onnx/proto.js';
import type { Vector } from '../vectors/parameter-space.js';
import type { BatchGraph } from './batch-graph.js';
import type { Feeds } from './feed/feeds.js';
import type { ModelWeights } from './model-weights.js';

interface Averaging {
  readonly model: ModelProto;
  readonly graph: BatchGraph;
  readonly weights: ModelWeights;
  /** Takes the running statistics that a pass of the graph makes. */
  readonly updated: Vector;
  readonly feed: (batch: Feeds) => Promise<void>;
}

/**
 * target ← the mean over all batches of each batch's statistics, with the parameters at a point.
 * @throws FlatminError INVALID_DATA when there is no batch
 */
export async function averageStatistics(
  { model, graph, weights, updated, feed }: Averaging,
  batches: AsyncIterable<Feeds> | Iterable<Feeds>,
  parameters: Vector,
  target: Vector,
): Promise<void> {
  const { statisticsArena: arena, device } = weights;
  const kept = momenta(model);
  const sums = new Float64Array(arena.length);
  const values = new Float32Array(arena.length);
  let count = 0;
  // From running statistics of zero, an update leaves the batch's, times one minus the momentum.
  const zeros = arena.vector(device);
  try {
    for await (const batch of batches) {
      await feed(batch);
      await graph.run(parameters, zeros);
      updated.read(values);
      for (let i = 0; i < values.length; i++) sums[i]! += values[i]!;
      count++;
    }
  } finally {
    graph.release(zeros);
    zeros.dispose();
  }
  if (count === 0)
    throw new FlatminError('INVALID_DATA', 'There is no batch to compute BatchNorm statistics from.');
  for (const { name, first, count: size } of arena.segments) {
    const factor = 1 / (count * (1 - kept.get(name)!));
    arena.write(
      target,
      name,
      Float32Array.from(sums.subarray(first, first + size), (sum) => sum * factor),
    );
  }
}

/** Momentum of each running statistic: its node's. */
function momenta(model: ModelProto): Map<string, number> {
  const found = new Map<string, number>();
  for (const node of model.graph.node) {
    if (opKey(node) !== 'BatchNormalization') continue;
    const momentum = floatAttribute(node, 'momentum', 0.9);
    if (momentum === 1)
      throw new FlatminError(
        'INVALID_MODEL',
        `${describeNode(node)} has momentum 1: its running statistics never move, so they cannot be computed anew.`,
      );
    for (const name of node.input.slice(3, 5)) found.set(name, momentum);
  }
  return found;
}
