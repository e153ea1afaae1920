import {
  floatAttribute,
  floatsAttribute,
  hasAttribute,
  intAttribute,
  stringAttribute,
  stringsAttribute,
} from '../../../src/onnx/attributes.js';
import type { Node } from '../../../src/onnx/proto.js';
import { filled, type NdArray } from '../nd-array.js';
import type { Op, OpTable } from './op.js';

type Function = (x: number) => number;

const sigmoid: Function = (x) => 1 / (1 + Math.exp(-x));

/** Functions of the specification's list by name, each from its alpha and beta. */
const functions: Readonly<Record<string, (alpha?: number, beta?: number) => Function>> = {
  Sigmoid: () => sigmoid,
  Tanh: () => Math.tanh,
  Relu: () => (x) => Math.max(0, x),
  Softsign: () => (x) => x / (1 + Math.abs(x)),
  Softplus: () => (x) => Math.log1p(Math.exp(x)),
  Affine:
    (alpha = 1, beta = 0) =>
    (x) =>
      alpha * x + beta,
  LeakyRelu:
    (alpha = 0.01) =>
    (x) =>
      x >= 0 ? x : alpha * x,
  ThresholdedRelu:
    (alpha = 1) =>
    (x) =>
      x > alpha ? x : 0,
  ScaledTanh:
    (alpha = 1, beta = 1) =>
    (x) =>
      alpha * Math.tanh(beta * x),
  HardSigmoid:
    (alpha = 0.2, beta = 0.5) =>
    (x) =>
      Math.min(Math.max(alpha * x + beta, 0), 1),
  Elu:
    (alpha = 1) =>
    (x) =>
      x >= 0 ? x : alpha * Math.expm1(x),
};
const withAlpha = ['Affine', 'LeakyRelu', 'ThresholdedRelu', 'ScaledTanh', 'HardSigmoid', 'Elu'];
const withBeta = ['Affine', 'ScaledTanh', 'HardSigmoid'];

function activationsOf(node: Node, defaults: readonly string[], directions: number): Function[] {
  const names =
    stringsAttribute(node, 'activations') ?? Array.from({ length: directions }, () => defaults).flat();
  const [alphas, betas] = ['activation_alpha', 'activation_beta'].map((name) => [
    ...(floatsAttribute(node, name) ?? []),
  ]);
  return names.map((name) =>
    functions[name]!(
      withAlpha.includes(name) ? alphas!.shift() : undefined,
      withBeta.includes(name) ? betas!.shift() : undefined,
    ),
  );
}

/** One element of a step: sums of input and recurrent parts by gate, and what the cell needs beside them. */
interface Sequence {
  /** Steps that count, in the order of time as this direction sees it. */
  order: number[];
  x: (step: number, gate: number, unit: number) => number;
  h: (state: Float64Array, gate: number, unit: number) => number;
  hBias: (gate: number, unit: number) => number;
  xBias: (gate: number, unit: number) => number;
  f: Function[];
  clip: Function;
  peephole: (which: number, unit: number) => number;
}

/** Runs every sequence of every direction by itself. */
function run(
  inputs: readonly (NdArray | undefined)[],
  node: Node,
  gates: number,
  defaults: readonly string[],
  advance: (s: Sequence, step: number, h: Float64Array, c: Float64Array) => void,
): NdArray[] {
  const [x, w, r, b, lengths, h0, c0, p] = inputs;
  const [steps, batch, width] = x!.dims as [number, number, number];
  const [directions, rows] = w!.dims as [number, number];
  const hidden = rows / gates;
  const all = activationsOf(node, defaults, directions);
  const limit = hasAttribute(node, 'clip') ? floatAttribute(node, 'clip', 0) : Infinity;
  const y = filled([steps, directions, batch, hidden]);
  const [lastH, lastC] = [filled([directions, batch, hidden]), filled([directions, batch, hidden])];
  const direction = stringAttribute(node, 'direction', 'forward');
  for (let d = 0; d < directions; d++) {
    for (let n = 0; n < batch; n++) {
      const length = lengths ? lengths.data[n]! : steps;
      const order = Array.from({ length }, (_, step) => step);
      if (direction === 'reverse' || d === 1) order.reverse();
      const start = (d * batch + n) * hidden;
      const h = Float64Array.from({ length: hidden }, (_, unit) => h0?.data[start + unit] ?? 0);
      const c = Float64Array.from({ length: hidden }, (_, unit) => c0?.data[start + unit] ?? 0);
      const sequence: Sequence = {
        order,
        x: (step, gate, unit) => {
          let sum = 0;
          for (let i = 0; i < width; i++)
            sum +=
              x!.data[(step * batch + n) * width + i]! *
              w!.data[(d * rows + gate * hidden + unit) * width + i]!;
          return sum;
        },
        h: (state, gate, unit) =>
          state.reduce(
            (sum, value, i) => sum + value * r!.data[(d * rows + gate * hidden + unit) * hidden + i]!,
            0,
          ),
        xBias: (gate, unit) => b?.data[d * 2 * rows + gate * hidden + unit] ?? 0,
        hBias: (gate, unit) => b?.data[d * 2 * rows + rows + gate * hidden + unit] ?? 0,
        f: all.slice(d * defaults.length, (d + 1) * defaults.length),
        clip: (value) => Math.min(Math.max(value, -limit), limit),
        peephole: (which, unit) => p?.data[d * 3 * hidden + which * hidden + unit] ?? 0,
      };
      for (const step of order) {
        advance(sequence, step, h, c);
        y.data.set(h, ((step * directions + d) * batch + n) * hidden);
      }
      lastH.data.set(h, start);
      lastC.data.set(c, start);
    }
  }
  return [y, lastH, lastC];
}

const units = (state: Float64Array, value: (unit: number) => number): Float64Array =>
  Float64Array.from(state, (_, unit) => value(unit));

const rnn: Op = (inputs, node) =>
  run(inputs, node, 1, ['Tanh'], (s, step, h) =>
    h.set(units(h, (u) => s.f[0]!(s.clip(s.x(step, 0, u) + s.h(h, 0, u) + s.xBias(0, u) + s.hBias(0, u))))),
  );

const gru: Op = (inputs, node) =>
  run(inputs, node, 3, ['Sigmoid', 'Tanh'], (s, step, h) => {
    const [f, g] = s.f as [Function, Function];
    const gate = (which: number) =>
      units(h, (u) =>
        f(s.clip(s.x(step, which, u) + s.h(h, which, u) + s.xBias(which, u) + s.hBias(which, u))),
      );
    const [z, r] = [gate(0), gate(1)];
    const reset = h.map((value, u) => value * r[u]!);
    const candidate = units(h, (u) => {
      const recurrent = intAttribute(node, 'linear_before_reset', 0)
        ? r[u]! * (s.h(h, 2, u) + s.hBias(2, u))
        : s.h(reset, 2, u) + s.hBias(2, u);
      return g(s.clip(s.x(step, 2, u) + s.xBias(2, u) + recurrent));
    });
    h.set(h.map((value, u) => (1 - z[u]!) * candidate[u]! + z[u]! * value));
  });

const lstm: Op = (inputs, node) =>
  run(inputs, node, 4, ['Sigmoid', 'Tanh', 'Tanh'], (s, step, h, c) => {
    const [f, g, k] = s.f as [Function, Function, Function];
    const sum = (gate: number, u: number) =>
      s.x(step, gate, u) + s.h(h, gate, u) + s.xBias(gate, u) + s.hBias(gate, u);
    const i = units(h, (u) => f(s.clip(sum(0, u) + s.peephole(0, u) * c[u]!)));
    const forget = units(h, (u) =>
      intAttribute(node, 'input_forget', 0) ? 1 - i[u]! : f(s.clip(sum(2, u) + s.peephole(2, u) * c[u]!)),
    );
    const next = units(h, (u) => forget[u]! * c[u]! + i[u]! * g(s.clip(sum(3, u))));
    const o = units(h, (u) => f(s.clip(sum(1, u) + s.peephole(1, u) * next[u]!)));
    c.set(next);
    h.set(units(h, (u) => o[u]! * k(next[u]!)));
  });

export const recurrence: OpTable = { RNN: rnn, GRU: gru, LSTM: lstm };
