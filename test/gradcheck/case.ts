import type { AttributeValue } from '../../src/onnx/attributes.js';
import { emptyGraph, GraphBuilder } from '../../src/onnx/builder.js';
import { type NdArray, ndArray, sizeOf } from '../reference/nd-array.js';
import { RandomStream } from './random.js';

/**
 * How an input is drawn. 'normal': N(0, 1). 'positive': in [0.5, 2]. 'nonzero': magnitude in [0.3, 2], either sign.
 * 'distinct': a shuffled ladder whose values are 0.05 apart and at least 0.025 from zero. A list: these very values.
 */
export type Values = 'normal' | 'positive' | 'nonzero' | 'distinct' | readonly number[];

export interface InputSpec {
  dims: readonly number[];
  /** Whether the gradient with respect to it is checked. */
  wrt: boolean;
  values: Values;
  type: 'float' | 'int64';
}

/** A graph with inputs at which its output is differentiable. */
export interface GradientCase {
  name: string;
  inputs: Readonly<Record<string, InputSpec>>;
  /** Appends the nodes over the declared inputs; returns the name of the output. */
  build(builder: GraphBuilder): string;
  /** 17 by default. */
  opset?: number;
  /** Targets ("training") and runtimes ("training build") that cannot run it, and why. */
  unsupported?: Readonly<Record<string, string>>;
}

/** An input whose gradient is checked. */
export const wrt = (dims: readonly number[], values: Values = 'normal'): InputSpec => ({
  dims,
  wrt: true,
  values,
  type: 'float',
});

/** An input that is held constant. */
export const fixed = (dims: readonly number[], values: Values = 'normal'): InputSpec => ({
  dims,
  wrt: false,
  values,
  type: 'float',
});

/** Class indices. */
export const labels = (dims: readonly number[], values: readonly number[]): InputSpec => ({
  dims,
  wrt: false,
  values,
  type: 'int64',
});

export type Attributes = Readonly<Record<string, AttributeValue | undefined>>;

/** One node that reads every input, in the order given. */
export const single = (
  name: string,
  opType: string,
  inputs: Readonly<Record<string, InputSpec>>,
  attributes: Attributes = {},
): GradientCase => ({
  name,
  inputs,
  build: (builder) => builder.op(opType, Object.keys(inputs), attributes),
});

/** The forward graph of a case, its inputs declared, its output not yet. */
export function buildCase(gradientCase: GradientCase): { builder: GraphBuilder; output: string } {
  const builder = new GraphBuilder(emptyGraph(gradientCase.name));
  for (const [name, { type, dims }] of Object.entries(gradientCase.inputs)) builder.input(name, type, dims);
  return { builder, output: gradientCase.build(builder) };
}

/** The values of every input. */
export const drawInputs = ({ name, inputs }: GradientCase): Record<string, NdArray> =>
  Object.fromEntries(Object.entries(inputs).map(([input, spec]) => [input, drawInput(name, input, spec)]));

/** The values of an input, rounded to what float32 holds; they depend on the names alone. */
function drawInput(caseName: string, inputName: string, spec: InputSpec): NdArray {
  const random = new RandomStream(`${caseName}/${inputName}`);
  const length = sizeOf(spec.dims);
  return ndArray(spec.dims, Float32Array.from(draw(random, length, spec.values)));
}

function draw(random: RandomStream, length: number, values: Values): ArrayLike<number> {
  switch (values) {
    case 'normal':
      return random.normals(length);
    case 'positive':
      return Array.from({ length }, () => random.uniform(0.5, 2));
    case 'nonzero':
      return Array.from({ length }, () => (random.uniform(-1, 1) < 0 ? -1 : 1) * random.uniform(0.3, 2));
    case 'distinct':
      return random.shuffle(
        Array.from({ length }, (_, rank) => 0.05 * (rank - Math.floor(length / 2)) + 0.025),
      );
    default:
      if (values.length !== length)
        throw new Error(`${values.length} values do not fill ${length} elements.`);
      return values;
  }
}
