import type { Step } from './network-builder.js';

const REDUCTIONS = [
  ...['ReduceMean', 'ReduceSum', 'ReduceMax', 'ReduceMin', 'ReduceL1', 'ReduceL2', 'ReduceSumSquare'],
  ...['ReduceLogSumExp', 'ReduceProd'],
];

export const reductions: Readonly<Record<string, Step>> = {
  reduction(net, { name, dims }) {
    const { axis, stated } = net.axis(dims);
    const keepdims = dims.length === 1 ? 1 : net.draw.integer(0, 1);
    const opType = net.draw.pick(REDUCTIONS);
    const since = opType === 'ReduceSum' ? 13 : 18;
    return {
      name: net.withAxes(opType, name, [stated], since, { keepdims }),
      dims: keepdims ? dims.with(axis, 1) : dims.toSpliced(axis, 1),
    };
  },
  'cumulative sum': (net, { name, dims }) => ({
    name: net.op('CumSum', [name, net.ints([net.axis(dims).axis], [])], {
      exclusive: net.draw.integer(0, 1),
      reverse: net.draw.integer(0, 1),
    }),
    dims,
  }),
  'largest few'(net, { name, dims }) {
    const { axis, stated } = net.axis(dims);
    const k = net.draw.integer(1, dims[axis]!);
    const [values] = net.builder.ops('TopK', [name, net.ints([k])], { axis: stated }, { count: 2 });
    return { name: values!, dims: dims.with(axis, k) };
  },
  'norm of a line'(net, { name, dims }) {
    const { axis } = net.axis(dims);
    return { name: net.op('LpNormalization', [name], { axis, p: net.draw.integer(1, 2) }), dims };
  },
};
