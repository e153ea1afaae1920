import { intAttribute } from '../../../onnx/attributes.js';
import type { Decomposition } from '../context.js';
import type { Activation } from './activation.js';
import { clipped, type RecurrentKind, unroll } from './unroll.js';

/** Gates z, r, h. `linear_before_reset`: r scales h·Rhᵀ + Rbh, and not h itself. */
const kind: RecurrentKind = {
  gates: 3,
  states: [5],
  activations: ['sigmoid', 'tanh'],
  cell: (c, { recurrence, inputBias, recurrentBias, hidden, activations }) => {
    const [f, g] = activations as [Activation, Activation];
    const linear = intAttribute(c.node, 'linear_before_reset', 0) === 1;
    const gateRows = c.slice(recurrence, 0, 0, 2 * hidden);
    const candidateRows = c.slice(recurrence, 0, 2 * hidden, 3 * hidden);
    const candidateBias =
      linear && recurrentBias ? c.slice(recurrentBias, 0, 2 * hidden, 3 * hidden) : undefined;
    const outsideReset =
      candidateBias && recurrentBias
        ? c.op(
            'Concat',
            [c.slice(recurrentBias, 0, 0, 2 * hidden), c.floats([hidden], new Float64Array(hidden))],
            {
              axis: 0,
            },
          )
        : recurrentBias;
    return {
      bias: inputBias && outsideReset && c.op('Add', [inputBias, outsideReset]),
      step: (c, projected, [state]) => {
        const product = (value: string, weight: string, added?: string) =>
          c.op('Gemm', [value, weight, ...(added ? [added] : [])], { transB: 1 });
        const [gateInput, fromInput] = c.split(projected, 1, [2 * hidden, hidden]) as [string, string];
        const gates = product(state!, gateRows, gateInput);
        const [update, reset] = c.split(f(c, clipped(c, gates)), 1, [hidden, hidden]);
        const sum = linear
          ? c.op('Add', [fromInput, c.op('Mul', [reset!, product(state!, candidateRows, candidateBias)])])
          : product(c.op('Mul', [reset!, state!]), candidateRows, fromInput);
        const candidate = g(c, clipped(c, sum));
        return [c.op('Add', [candidate, c.op('Mul', [update!, c.op('Sub', [state!, candidate])])])];
      },
    };
  },
};

export const gru: Decomposition = (c) => unroll(c, kind);
