import { emptyGraph, valueInfo } from '../../../onnx/builder.js';
import { type Scanned, scanNode } from '../../../onnx/scan.js';
import { DataType, int64Data } from '../../../onnx/tensors/tensor.js';
import type { DecomposeContext } from '../context.js';
import type { Direction, DirectionResult, Sizes } from './direction.js';

/** One direction of a recurrent node as a Scan over its steps. */
export function scanDirection(
  c: DecomposeContext,
  { cell, projected, states, reverse }: Direction,
  { steps, batch, rows, hidden, zeros }: Sizes,
): DirectionResult {
  const { builder } = c;
  const { type } = c.type(c.input(0));
  const inner = c.inside(builder.nested(emptyGraph('step')));
  const along = (name: string): Scanned => ({ name, axis: 0, reversed: reverse });
  const stateInputs = states.map(() => builder.fresh('state'));
  const slice = builder.fresh('projected');
  const mask = c.input(4) ? builder.fresh('runs') : undefined;

  const next = cell.step(inner, slice, stateInputs);
  const kept = mask
    ? next.map((state, index) => inner.op('Where', [mask, state, stateInputs[index]!]))
    : next;
  // What a body puts out must be different values.
  const shown = mask ? inner.op('Where', [mask, next[0]!, zeros]) : inner.op('Identity', [next[0]!]);
  const outputs = c.output(0) ? [shown] : [];
  const body = {
    ...inner.builder.graph,
    input: [
      ...stateInputs.map((name) => valueInfo(name, type, [batch, hidden])),
      valueInfo(slice, type, [batch, rows]),
      ...(mask ? [valueInfo(mask, DataType.bool, [batch, 1])] : []),
    ],
    output: [...kept, ...outputs].map((name) => valueInfo(name, type, [batch, hidden])),
  };
  const finals = kept.map(() => builder.fresh('last_state'));
  const all = outputs.map(() => builder.fresh('all_steps'));
  builder.graph.node.push(
    scanNode({
      name: builder.fresh(c.node.name || c.node.opType),
      body,
      states,
      inputs: [c.reshape(projected, [steps, batch, rows]), ...(mask ? [runsAt(c, steps, batch)] : [])].map(
        along,
      ),
      finals,
      outputs: all.map(along),
    }),
  );
  return { output: () => all[0]!, states: finals };
}

/** Which sequences still run at each step, [steps, batch, 1] of bool. */
function runsAt(c: DecomposeContext, steps: number, batch: number): string {
  const lengths = c.op('Cast', [c.reshape(c.input(4), [1, batch, 1])], { to: DataType.int64 });
  const numbers = c.builder.constant('int64', [steps, 1, 1], int64Data([...Array(steps).keys()]));
  return c.op('Greater', [lengths, numbers]);
}
