import { UNROLLED_STEPS } from '../../../src/autodiff/unrolled-steps.js';
import { float } from '../../../src/onnx/attributes.js';
import { type Attributes, type GradientCase, type InputSpec, wrt } from '../case.js';

/** More than are written out. */
const many = UNROLLED_STEPS + 3;
const batch = 2;
const width = 3;
const hidden = 4;
const gatesOf = { RNN: 1, GRU: 3, LSTM: 4 } as const;

interface Options {
  attributes?: Attributes;
  bias?: boolean;
  initial?: boolean;
  lengths?: readonly number[];
  peepholes?: boolean;
  directions?: number;
  steps?: number;
  /** Which output is checked: 0 Y, 1 Y_h, 2 Y_c. */
  output?: number;
  unsupported?: GradientCase['unsupported'];
}

function recurrent(opType: keyof typeof gatesOf, name: string, options: Options = {}): GradientCase {
  const {
    attributes = {},
    bias,
    initial,
    lengths,
    peepholes,
    directions = 1,
    steps = 3,
    output = 0,
  } = options;
  const rows = gatesOf[opType] * hidden;
  const state = wrt([directions, batch, hidden]);
  const given: Record<string, InputSpec | undefined> = {
    x: wrt([steps, batch, width]),
    w: wrt([directions, rows, width]),
    r: wrt([directions, rows, hidden]),
    b: bias ? wrt([directions, 2 * rows]) : undefined,
    lengths: undefined,
    h: initial ? state : undefined,
    c: initial && opType === 'LSTM' ? state : undefined,
    p: peepholes ? wrt([directions, 3 * hidden]) : undefined,
  };
  const inputs = Object.fromEntries(
    Object.entries(given).filter((entry): entry is [string, InputSpec] => entry[1] !== undefined),
  );
  return {
    name: `${opType} ${name}`,
    inputs,
    build: (builder) => {
      const sequenceLengths = lengths && builder.constant('int32', [batch], Int32Array.from(lengths));
      const names = Object.keys(given).map((key) =>
        key === 'lengths' ? (sequenceLengths ?? '') : given[key] ? key : '',
      );
      while (names.at(-1) === '') names.pop();
      const outputs = Array.from({ length: output + 1 }, (_, index) =>
        index === output ? builder.fresh('y') : '',
      );
      builder.ops(opType, names, { hidden_size: hidden, ...attributes }, { outputs });
      return outputs[output]!;
    },
    ...(options.unsupported && { unsupported: options.unsupported }),
  };
}

const kinds = ['RNN', 'GRU', 'LSTM'] as const;
const bidirectional = { attributes: { direction: 'bidirectional' }, directions: 2 };

/** As a Scan. */
const long = (opType: keyof typeof gatesOf, name: string, options: Options = {}): GradientCase =>
  recurrent(opType, `of many steps, ${name}`, { bias: true, ...options, steps: many });

export const recurrentCases: GradientCase[] = [
  ...kinds.flatMap((kind) => [
    long(kind, 'with initial states', { initial: true }),
    long(kind, 'reverse, last state', { attributes: { direction: 'reverse' }, initial: true, output: 1 }),
    long(kind, 'bidirectional, with lengths', { ...bidirectional, initial: true, lengths: [many, 9] }),
    long(kind, 'with lengths, last state', { lengths: [11, many - 1], output: 1 }),
    long(kind, 'clipped, without bias', { bias: false, attributes: { clip: float(0.8) } }),
  ]),
  long('LSTM', 'last cell states', { ...bidirectional, initial: true, output: 2 }),
  long('LSTM', 'with peepholes, bidirectional', { ...bidirectional, initial: true, peepholes: true }),
  long('LSTM', 'input_forget', { attributes: { input_forget: 1 } }),
  long('GRU', 'linear_before_reset', { initial: true, attributes: { linear_before_reset: 1 } }),
  long('RNN', 'with other activations', {
    // ONNX Runtime has no default of β here: what is not given, it reads from anywhere.
    attributes: {
      activations: { strings: ['ScaledTanh'] },
      activation_alpha: float([0.9]),
      activation_beta: float([0.6]),
    },
  }),
  ...kinds.flatMap((kind) => [
    recurrent(kind, 'plain'),
    recurrent(kind, 'with bias and initial states', { bias: true, initial: true }),
    recurrent(kind, 'reverse', { attributes: { direction: 'reverse' }, bias: true, initial: true }),
    recurrent(kind, 'bidirectional', { ...bidirectional, bias: true, initial: true }),
    recurrent(kind, 'last state', { bias: true, output: 1 }),
    recurrent(kind, 'last states of both directions', { ...bidirectional, bias: true, output: 1 }),
    recurrent(kind, 'with lengths', { bias: true, initial: true, lengths: [3, 1] }),
    recurrent(kind, 'with lengths, bidirectional', { ...bidirectional, bias: true, lengths: [2, 3] }),
    recurrent(kind, 'with lengths, last state', { bias: true, lengths: [1, 3], output: 1 }),
    recurrent(kind, 'clipped', { bias: true, attributes: { clip: float(0.8) } }),
  ]),
  recurrent('LSTM', 'last cell state', { bias: true, initial: true, output: 2 }),
  recurrent('LSTM', 'last cell states with lengths', { ...bidirectional, lengths: [2, 1], output: 2 }),
  recurrent('LSTM', 'with peepholes', { bias: true, initial: true, peepholes: true }),
  recurrent('LSTM', 'with peepholes, bidirectional', { ...bidirectional, initial: true, peepholes: true }),
  recurrent('LSTM', 'input_forget', { bias: true, attributes: { input_forget: 1 } }),
  recurrent('LSTM', 'with other activations', {
    bias: true,
    attributes: {
      activations: { strings: ['HardSigmoid', 'Softsign', 'ScaledTanh'] },
      activation_alpha: float([0.3, 0.9]),
      activation_beta: float([0.4, 0.7]),
    },
  }),
  recurrent('GRU', 'linear_before_reset', {
    bias: true,
    initial: true,
    attributes: { linear_before_reset: 1 },
  }),
  recurrent('GRU', 'linear_before_reset without bias, bidirectional', {
    attributes: { linear_before_reset: 1, direction: 'bidirectional' },
    directions: 2,
  }),
  recurrent('GRU', 'with other activations', {
    bias: true,
    attributes: { activations: { strings: ['Sigmoid', 'Softplus'] } },
  }),
  ...['Relu', 'Softsign', 'Softplus', 'Sigmoid'].map((name) =>
    recurrent('RNN', `with ${name}`, { bias: true, attributes: { activations: { strings: [name] } } }),
  ),
  ...['LeakyRelu', 'Elu', 'ThresholdedRelu'].map((name) =>
    recurrent('RNN', `with ${name}`, {
      attributes: { activations: { strings: [name] }, activation_alpha: float([0.3]) },
    }),
  ),
  recurrent('RNN', 'with an activation for each direction', {
    directions: 2,
    attributes: {
      direction: 'bidirectional',
      activations: { strings: ['Affine', 'Tanh'] },
      activation_alpha: float([0.5]),
      activation_beta: float([0.1]),
    },
  }),
];
