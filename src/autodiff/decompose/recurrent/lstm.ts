import { intAttribute } from '../../../onnx/attributes.js';
import type { Decomposition } from '../context.js';
import type { Activation } from './activation.js';
import { clipped, type RecurrentKind, unroll } from './unroll.js';

/** Gates i, o, f, c; peepholes P [directions, 3·H] of i, o, f. */
const kind: RecurrentKind = {
  gates: 4,
  states: [5, 6],
  activations: ['sigmoid', 'tanh', 'tanh'],
  cell: (c, { recurrence, inputBias, recurrentBias, hidden, activations, own }) => {
    const [f, g, h] = activations as [Activation, Activation, Activation];
    const peepholes = own(7, [3, 1, hidden]);
    const peephole = peepholes && c.split(peepholes, 0, [1, 1, 1]).map((row) => c.reshape(row, [hidden]));
    const coupled = intAttribute(c.node, 'input_forget', 0) === 1;
    return {
      bias: inputBias && recurrentBias && c.op('Add', [inputBias, recurrentBias]),
      step: (c, projected, [hiddenState, cellState]) => {
        const all = c.op('Gemm', [hiddenState!, recurrence, projected], { transB: 1 });
        const [gates, last] = c.split(all, 1, [3 * hidden, hidden]) as [string, string];
        const candidate = g(c, clipped(c, last));
        // Without peepholes the three gates go through their activation as one value.
        const [i, o, forget] = c.split(peephole ? gates : f(c, clipped(c, gates)), 1, [
          hidden,
          hidden,
          hidden,
        ]);
        const open = (gate: string, which: number, state: string) =>
          peephole ? f(c, clipped(c, c.op('Add', [gate, c.op('Mul', [peephole[which]!, state])]))) : gate;
        const input = open(i!, 0, cellState!);
        const keep = coupled ? c.op('Sub', [c.scalar(1), input]) : open(forget!, 2, cellState!);
        const next = c.op('Add', [c.op('Mul', [keep, cellState!]), c.op('Mul', [input, candidate])]);
        return [c.op('Mul', [open(o!, 1, next), h(c, next)]), next];
      },
    };
  },
};

export const lstm: Decomposition = (c) => unroll(c, kind);
