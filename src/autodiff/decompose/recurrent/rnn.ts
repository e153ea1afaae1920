import type { Decomposition } from '../context.js';
import { clipped, type RecurrentKind, unroll } from './unroll.js';

const kind: RecurrentKind = {
  gates: 1,
  states: [5],
  activations: ['tanh'],
  cell: (c, { recurrence, inputBias, recurrentBias, activations }) => ({
    bias: inputBias && recurrentBias && c.op('Add', [inputBias, recurrentBias]),
    step: (c, projected, [state]) => [
      activations[0]!(c, clipped(c, c.op('Gemm', [state!, recurrence, projected], { transB: 1 }))),
    ],
  }),
};

export const rnn: Decomposition = (c) => unroll(c, kind);
