import { emptyGraph, type GraphBuilder, valueInfo } from '../../../src/onnx/builder.js';
import { type Scanned, scanNode } from '../../../src/onnx/scan.js';
import { fixed, type GradientCase, type InputSpec, wrt } from '../case.js';

const steps = 4;
const [batch, width, hidden] = [2, 3, 4];

interface Slices {
  readonly name: string;
  readonly reversed?: boolean;
}

interface ScanSpec {
  /** Initial states, by the names of the body's inputs. */
  readonly states?: Readonly<Record<string, string>>;
  /** Sliced values, by the names of the body's inputs. */
  readonly slices: Readonly<Record<string, Slices>>;
  /** Appends the step; returns the next states, and what is put out. */
  readonly step: (body: GraphBuilder) => { next?: readonly string[]; out?: readonly string[] };
  readonly reversedOutputs?: readonly boolean[];
}

/** Appends a Scan; returns the last states, then what the steps put out. */
function appendScan(
  builder: GraphBuilder,
  { states = {}, slices, step, reversedOutputs = [] }: ScanSpec,
): string[] {
  const body = builder.nested(emptyGraph('body'));
  const inputs = [...Object.keys(states), ...Object.keys(slices)];
  body.reserve(inputs);
  const { next = [], out = [] } = step(body);
  const graph = {
    ...body.graph,
    input: inputs.map((name) => valueInfo(name, 'float')),
    output: [...next, ...out].map((name) => ({ name })),
  };
  const along = (name: string, reversed = false): Scanned => ({ name, axis: 0, reversed });
  const finals = next.map((name) => builder.fresh(`${name}_last`));
  const outputs = out.map((name) => builder.fresh(`${name}_all`));
  builder.graph.node.push(
    scanNode({
      name: builder.fresh('scan'),
      body: graph,
      states: Object.values(states),
      inputs: Object.values(slices).map(({ name, reversed }) => along(name, reversed)),
      finals,
      outputs: outputs.map((name, at) => along(name, reversedOutputs[at])),
    }),
  );
  return [...finals, ...outputs];
}

const scanCase = (
  name: string,
  inputs: Readonly<Record<string, InputSpec>>,
  build: (builder: GraphBuilder) => string,
): GradientCase => ({ name: `Scan ${name}`, inputs, build });

const x = wrt([steps, batch, width]);
const h = wrt([batch, hidden]);
const weights = { w: wrt([width, hidden]), r: wrt([hidden, hidden]), b: wrt([hidden]) };

/** tanh(x·w + h·r + b) */
function cell(body: GraphBuilder, slice = 'x_t', state = 'h_t'): string {
  const products = body.op('Add', [body.op('MatMul', [slice, 'w']), body.op('MatMul', [state, 'r'])]);
  return body.op('Tanh', [body.op('Add', [products, 'b'])]);
}

const recurrent = (name: string, reversed: boolean, reversedOutput: boolean, output: 0 | 1) =>
  scanCase(name, { x, h, ...weights }, (builder) => {
    const outputs = appendScan(builder, {
      states: { h_t: 'h' },
      slices: { x_t: { name: 'x', reversed } },
      step: (body) => {
        const next = cell(body);
        return { next: [next], out: output === 1 ? [body.op('Mul', [next, 'h_t'])] : [] };
      },
      reversedOutputs: [reversedOutput],
    });
    return outputs[output]!;
  });

export const scanCases: GradientCase[] = [
  recurrent('last state', false, false, 0),
  recurrent('last state, back to front', true, false, 0),
  recurrent('outputs', false, false, 1),
  recurrent('outputs of reversed slices', true, false, 1),
  recurrent('reversed outputs', false, true, 1),
  recurrent('reversed outputs of reversed slices', true, true, 1),
  scanCase('one value as state and output', { x, ...weights }, (builder) => {
    const zeros = builder.constant('float', [batch, hidden], new Float32Array(batch * hidden));
    const [last, all] = appendScan(builder, {
      states: { h_t: zeros },
      slices: { x_t: { name: 'x' } },
      step: (body) => {
        const next = cell(body);
        return { next: [next], out: [body.op('Identity', [next])] };
      },
    });
    return builder.op('Mul', [last!, all!]);
  }),
  scanCase('without states', { x, c: wrt([width]) }, (builder) => {
    const [all] = appendScan(builder, {
      slices: { x_t: { name: 'x' } },
      step: (body) => ({ out: [body.op('Sin', [body.op('Mul', ['x_t', 'c'])])] }),
    });
    return all!;
  }),
  scanCase(
    'two inputs, one constant, in opposite directions',
    {
      x,
      z: fixed([steps, batch, width]),
      c: wrt([batch, width]),
    },
    (builder) => {
      const outputs = appendScan(builder, {
        states: { sum: 'c' },
        slices: { x_t: { name: 'x' }, z_t: { name: 'z', reversed: true } },
        step: (body) => {
          const product = body.op('Mul', ['x_t', 'z_t']);
          return { next: [body.op('Add', [body.op('Mul', ['sum', 'x_t']), product])], out: [product] };
        },
      });
      return builder.op('Add', [outputs[0]!, outputs[1]!]);
    },
  ),
  scanCase('states that exchange places, one handed on', { x, a: h, d: h, ...weights }, (builder) => {
    const constant = builder.constant('float', [batch, hidden], new Float32Array(batch * hidden).fill(0.5));
    const outputs = appendScan(builder, {
      states: { h_t: 'a', d_t: 'd', k_t: constant, later: constant },
      slices: { x_t: { name: 'x' } },
      step: (body) => {
        const next = cell(body);
        const kept = (name: string) => body.op('Identity', [name]);
        const sum = body.op('Add', ['h_t', 'k_t']);
        return { next: [kept('d_t'), next, kept('k_t'), sum], out: [kept('later')] };
      },
    });
    return builder.op(
      'Concat',
      [
        outputs[0]!,
        outputs[1]!,
        outputs[3]!,
        builder.op('ReduceSum', [outputs[4]!, builder.ints([0])], { keepdims: 0 }),
      ],
      { axis: 0 },
    );
  }),
  scanCase(
    'a matrix taken from outside in several ways',
    {
      x,
      h,
      w: wrt([width, hidden]),
      r: wrt([hidden, hidden]),
    },
    (builder) => {
      const [last] = appendScan(builder, {
        states: { h_t: 'h' },
        slices: { x_t: { name: 'x' } },
        step: (body) => {
          const projected = body.op('MatMul', ['x_t', 'w']);
          const back = body.op('Gemm', ['h_t', 'r', projected], { transB: 1 });
          const across = body.op('Gemm', ['r', 'h_t'], { transA: 1, transB: 1 });
          const turned = body.op('Transpose', [across], { perm: [1, 0] });
          const scaled = body.op('Mul', [
            body.op('Add', [back, turned]),
            body.op('ReduceMean', ['r'], { keepdims: 0 }),
          ]);
          return { next: [body.op('Sigmoid', [scaled])] };
        },
      });
      return last!;
    },
  ),
  scanCase(
    'with its own constants, splits and choices',
    { x: wrt([steps, batch, 2 * hidden], 'distinct'), h },
    (builder) => {
      const [last, all] = appendScan(builder, {
        states: { h_t: 'h' },
        slices: { x_t: { name: 'x' } },
        step: (body) => {
          const [left, right] = body.ops(
            'Split',
            ['x_t', body.ints([hidden, hidden])],
            { axis: 1 },
            { count: 2 },
          );
          const greater = body.op('Greater', [left!, body.scalar(0)]);
          const gate = body.op('Sigmoid', [right!]);
          const next = body.op('Where', [
            greater,
            body.op('Mul', ['h_t', gate]),
            body.op('Sub', ['h_t', gate]),
          ]);
          return { next: [next], out: [body.op('Softmax', [next], { axis: 1 })] };
        },
      });
      return builder.op('Add', [last!, all!]);
    },
  ),
  scanCase(
    'with Conv, LayerNormalization and Relu',
    {
      x: wrt([steps, 1, 2, 5, 5]),
      k: wrt([2, 2, 3, 3]),
      g: wrt([5]),
    },
    (builder) => {
      const zeros = builder.constant('float', [1, 2, 5, 5], new Float32Array(50));
      const [last, all] = appendScan(builder, {
        states: { h_t: zeros },
        slices: { x_t: { name: 'x' } },
        step: (body) => {
          const convolved = body.op('Conv', [body.op('Add', ['x_t', 'h_t']), 'k'], { pads: [1, 1, 1, 1] });
          const normal = body.op('LayerNormalization', [convolved, 'g'], { axis: -1 });
          return { next: [body.op('Sigmoid', [normal])], out: [body.op('Relu', [normal])] };
        },
      });
      return builder.op('Add', [last!, all!]);
    },
  ),
  scanCase('with an op that is rewritten', { x, w: wrt([width, hidden]) }, (builder) => {
    const [all] = appendScan(builder, {
      slices: { x_t: { name: 'x' } },
      step: (body) => ({ out: [body.op('Einsum', ['x_t', 'w'], { equation: 'bi,ij->jb' })] }),
    });
    return all!;
  }),
  scanCase('in a Scan', { x: wrt([3, steps, batch, width]), h, ...weights }, (builder) => {
    const [last, all] = appendScan(builder, {
      states: { outer: 'h' },
      slices: { x_s: { name: 'x' } },
      step: (body) => {
        const [next, each] = appendScan(body, {
          states: { h_t: 'outer' },
          slices: { x_t: { name: 'x_s' } },
          step: (inner) => {
            const value = cell(inner);
            return { next: [value], out: [inner.op('Mul', [value, 'outer'])] };
          },
        });
        const mean = body.op('ReduceMean', [each!], { axes: [0], keepdims: 0 });
        return { next: [next!], out: [mean] };
      },
    });
    return builder.op('Add', [last!, all!]);
  }),
];
