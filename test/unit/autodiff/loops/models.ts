import { UNROLLED_STEPS } from '../../../../src/autodiff/unrolled-steps.js';
import { emptyGraph, GraphBuilder, makeModel, valueInfo } from '../../../../src/onnx/builder.js';
import type { ModelProto, ValueInfo } from '../../../../src/onnx/proto.js';
import { int64Data, makeTensor } from '../../../../src/onnx/tensors/tensor.js';

/** More steps than are written out, and fewer. */
export const LONG = UNROLLED_STEPS + 6;
export const SHORT = 5;
export const BATCH = 2;
export const WIDTH = 3;

export const wave = (count: number, phase: number) =>
  Float32Array.from({ length: count }, (_, at) => Math.sin(phase + 1.7 * at + 0.03 * at * at));

/** x [steps, BATCH, WIDTH] of a model. */
export const sequence = (steps: number) => wave(steps * BATCH * WIDTH, 0.4);

/** A model of the sequence x, with weights w, u [WIDTH, WIDTH] and b [WIDTH], and zeros `h` for a first state. */
export function sequenceModel(dims: number[], build: (builder: GraphBuilder) => string): ModelProto {
  const builder = new GraphBuilder(emptyGraph('sequence'));
  builder.input('x', 'float', dims);
  const weight = (name: string, shape: number[], phase: number) =>
    builder.initializer(
      makeTensor(
        name,
        'float',
        shape,
        wave(
          shape.reduce((a, b) => a * b, 1),
          phase,
        ).map((v) => v / 2),
      ),
    );
  weight('w', [WIDTH, WIDTH], 1);
  weight('u', [WIDTH, WIDTH], 2);
  weight('b', [WIDTH], 3);
  builder.initializer(makeTensor('zeros', 'float', [BATCH, WIDTH], new Float32Array(BATCH * WIDTH)));
  builder.op('Identity', ['zeros'], {}, { outputs: ['h'] });
  builder.output(build(builder), 'float');
  return makeModel(builder.graph);
}

/** tanh(state·w + slice·u + b) */
export function step(builder: GraphBuilder, state: string, slice: string): string {
  const sum = builder.op('Add', [builder.op('MatMul', [state, 'w']), builder.op('MatMul', [slice, 'u'])]);
  return builder.op('Tanh', [builder.op('Add', [sum, 'b'])]);
}

/** A last state, and the mean of all of them. */
export const ends = (builder: GraphBuilder, last: string, all: string): string =>
  builder.op('Add', [last, builder.op('ReduceMean', [all], { axes: [0], keepdims: 0 })]);

export const number = (builder: GraphBuilder, value: number): string =>
  builder.constant('int64', [], int64Data([value]));

/** The steps written out; `at` says which element of x each takes. */
export const written = (
  steps: number,
  at: (count: number) => number = (count) => count,
  each: (builder: GraphBuilder, state: string, slice: string, count: number) => string = step,
): ModelProto =>
  sequenceModel([steps, BATCH, WIDTH], (builder) => {
    let state = 'h';
    const all = Array.from({ length: steps }, (_, count) => {
      const slice = builder.op('Gather', ['x', number(builder, at(count))]);
      state = each(builder, state, slice, count);
      return builder.op('Unsqueeze', [state, builder.ints([0])]);
    });
    return ends(builder, state, builder.op('Concat', all, { axis: 0 }));
  });

export interface LoopParts {
  /** Initial states, by the names of the body's inputs. */
  readonly states: Readonly<Record<string, string>>;
  readonly trips?: string;
  /** Appends an iteration; returns whether to go on, the next states, and what is collected. */
  readonly iteration: (
    body: GraphBuilder,
    trip: string,
  ) => { goesOn?: string; next: readonly string[]; shown?: readonly string[] };
}

let loops = 0;

/** Appends a Loop; returns its outputs. */
export function appendLoop(builder: GraphBuilder, { states, trips = '', iteration }: LoopParts): string[] {
  const id = loops++;
  const [trip, goesOn] = [`trip${id}`, `on${id}`];
  const body = builder.nested(emptyGraph('body'));
  const inputs = Object.keys(states);
  body.reserve([trip, goesOn, ...inputs]);
  const {
    goesOn: next = body.op('Identity', [goesOn]),
    next: nextStates,
    shown = [],
  } = iteration(body, trip);
  const graph = {
    ...body.graph,
    input: [
      valueInfo(trip, 'int64', []),
      valueInfo(goesOn, 'bool', []),
      ...inputs.map((name): ValueInfo => ({ name, type: { tensorType: { elemType: typeOf(name) } } })),
    ],
    output: [next, ...nextStates, ...shown].map((name) => ({ name })),
  };
  return builder.ops(
    'Loop',
    [trips, '', ...Object.values(states)],
    { body: { graph } },
    { count: nextStates.length + shown.length },
  );
}

/** States whose name starts with "i" are integers. */
const typeOf = (name: string): number => (name.startsWith('i') ? 7 : 1);
