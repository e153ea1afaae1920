import { FlatminError } from '../errors.js';
import { describeNode, floatAttribute } from '../onnx/attributes.js';
import { opKey } from '../onnx/domains.js';
import type { ModelProto } from '../onnx/proto.js';
import type { Arena } from '../runtime/arena.js';
import type { Vector } from '../runtime/parameter-space.js';
import type { Feeds } from './feeds.js';

interface Averaging {
  /** Layout of the running statistics. */
  arena: Arena;
  model: ModelProto;
  batches: AsyncIterable<Feeds> | Iterable<Feeds>;
  /** Runs a training pass from running statistics of zero, which leaves (1 − momentum)·batch in `updated`. */
  pass: (batch: Feeds) => Promise<void>;
  updated: Vector;
  /** Takes the means. */
  target: Vector;
}

/** The mean over all batches of each batch's statistics. @throws FlatminError INVALID_DATA when there is no batch */
export async function averageStatistics({ arena, model, batches, pass, updated, target }: Averaging) {
  const kept = momenta(model);
  const sums = new Float64Array(arena.length);
  const values = new Float32Array(arena.length);
  let count = 0;
  for await (const batch of batches) {
    await pass(batch);
    updated.read(values);
    for (let i = 0; i < values.length; i++) sums[i]! += values[i]!;
    count++;
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
