import { assemble, buildGraph, gradientGraph, passContext } from '../../compile/build-graph.js';
import { asPrepared } from '../../compile/loss-model.js';
import type { Graph } from '../../onnx/proto.js';
import { elementBytes } from '../../onnx/tensors/tensor.js';
import type { ValueTypes } from '../../onnx/value-types.js';
import { TrainingSession } from '../../session/session.js';
import { type Cost, costOf, type Operand } from '../kernels/cost.js';
import { GRADIENT, Spans } from '../trace/spans.js';
import { tracedDevice } from '../trace/traced-device.js';
import { tracedOptimizer } from '../trace/traced-optimizer.js';
import type { PeerOptimizer } from './options.js';
import { type ModelTask, openTask, stepOptimizer } from './training.js';

/** What a training step computes and moves. */
export interface StepCost {
  /** Floating-point operations by the direct methods, of the gradients before they are lowered and of the optimizer. */
  readonly flop: number;
  /** What the ops of the lowered graph and the optimizer's vectors read and write: each operand of each op once. */
  readonly bytes: number;
  /** Gradients in a step. */
  readonly gradients: number;
  /** Ops whose operations have no formula, and how many nodes there are of each. */
  readonly uncounted: Readonly<Record<string, number>>;
}

export interface CostTask extends ModelTask {
  readonly optimizers: readonly PeerOptimizer[];
}

/** Counts a step of each optimizer; to be called in a process of its own. */
export async function countSteps(task: CostTask): Promise<Partial<Record<PeerOptimizer, StepCost>>> {
  const { model, batch, device, runtime, target } = await openTask(task);
  const { precision } = task;
  const { loss, sizes } = batch;
  const asked = { ...sizes, loss, target, precision, dropout: true };
  const context = await passContext(runtime, asPrepared(model), asked);
  const unlowered = await assemble(await gradientGraph(context), context);
  const built = await buildGraph(runtime, model, asked);
  const { flop, uncounted } = costOfGraph(unlowered.model.graph, unlowered.types);
  const { bytes } = costOfGraph(built.model.graph, built.types);
  const spans = new Spans();
  const on = tracedDevice(device, spans);
  const session = await TrainingSession.create(model, {
    ...sizes,
    loss,
    runtime,
    target,
    precision,
    device: on,
  });
  try {
    const feeds = batch.feeds(session.feedInputs);
    const costs: [PeerOptimizer, StepCost][] = [];
    for (const name of task.optimizers) {
      const optimizer = tracedOptimizer(stepOptimizer(name), spans);
      // The first step allocates what the optimizer keeps.
      await session.step(feeds, optimizer);
      spans.all.length = 0;
      await session.step(feeds, optimizer);
      const gradients = spans.all.filter((span) => span.name === GRADIENT).length;
      const sum = (what: 'flop' | 'bytes') =>
        spans.all.reduce((total, { args }) => total + Number(args?.[what] ?? 0), 0);
      costs.push([
        name,
        {
          flop: gradients * flop + sum('flop'),
          bytes: gradients * bytes + sum('bytes'),
          gradients,
          uncounted,
        },
      ]);
    }
    return Object.fromEntries(costs);
  } finally {
    session.dispose();
  }
}

/** The sum over nodes; a node with a value of unknown type is not counted. */
export function costOfGraph(
  graph: Graph,
  types: ValueTypes,
): { flop: number; bytes: number; uncounted: Record<string, number> } {
  const constants = new Map(
    graph.initializer.map(({ name, dataType, dims }) => [
      name ?? '',
      { type: dataType ?? 0, dims: (dims ?? []).map(Number) },
    ]),
  );
  const operands = (names: readonly string[]): Operand[] | undefined => {
    const found = names.filter((name) => name !== '').map((name) => types.get(name) ?? constants.get(name));
    if (found.some((type) => type === undefined)) return undefined;
    return found.map((type) => ({ dims: type!.dims, bytes: elementBytes(type!.type) }));
  };
  const total = { flop: 0, bytes: 0, uncounted: {} as Record<string, number> };
  for (const { opType: op = '', input, output } of graph.node) {
    const [inputs, outputs] = [operands(input), operands(output)];
    const cost: Cost = inputs && outputs ? costOf({ op, inputs, outputs }) : { flop: null, bytes: 0 };
    total.flop += cost.flop ?? 0;
    total.bytes += cost.bytes;
    if (cost.flop === null) total.uncounted[op] = (total.uncounted[op] ?? 0) + 1;
  }
  return total;
}
