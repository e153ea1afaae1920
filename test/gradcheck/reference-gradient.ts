import { evaluate } from '../reference/evaluate.js';
import { directionalDerivative } from '../reference/finite-differences.js';
import type { NdArray } from '../reference/nd-array.js';
import { relativeError } from '../reference/tolerance.js';
import { buildCase, drawInputs, type GradientCase } from './case.js';
import { RandomStream } from './random.js';

/** Several directions make a chance cancellation in one of them harmless. */
const directionsPerProbe = 3;

/** Derivatives this small are measured absolutely: L is of order 1, and float32 rounds it at 1e-7. */
const smallestDerivative = 1e-2;

/** Derivatives of L along random unit directions in the space of some inputs. */
export interface Probe {
  inputs: readonly string[];
  directions: readonly Readonly<Record<string, Float64Array>>[];
  derivatives: readonly number[];
}

export interface ReferenceGradient {
  feeds: Readonly<Record<string, NdArray>>;
  output: NdArray;
  /** New values of batch normalisation's running statistics, by input. */
  statistics: ReadonlyMap<string, NdArray>;
  /** c in L = Σ c ⊙ output. */
  cotangent: NdArray;
  /** One over all inputs at once, and one over each input alone. */
  probes: readonly Probe[];
}

export const checkedInputs = ({ inputs }: GradientCase): string[] =>
  Object.keys(inputs).filter((name) => inputs[name]!.wrt);

/** What the gradient of a case must agree with: float64 finite differences of the reference interpreter. */
export function referenceGradient(gradientCase: GradientCase): ReferenceGradient {
  const {
    builder: { graph },
    output,
  } = buildCase(gradientCase);
  const feeds = drawInputs(gradientCase);
  const random = new RandomStream(`${gradientCase.name}/probes`);
  const values = evaluate(graph, feeds);
  const value = values.get(output)!;
  const statistics = graph.node
    .filter(({ opType, output: outputs }) => opType === 'BatchNormalization' && outputs.length === 3)
    .flatMap((node) =>
      [1, 2].map((index) => [node.input[index + 2]!, values.get(node.output[index]!)!] as const),
    );
  const cotangent = { dims: value.dims, data: random.normals(value.data.length) };
  const loss = (point: Readonly<Record<string, NdArray>>) =>
    evaluate(graph, point)
      .get(output)!
      .data.reduce((sum, element, index) => sum + element * cotangent.data[index]!, 0);
  const names = checkedInputs(gradientCase);
  const groups = names.length > 1 ? [names, ...names.map((name) => [name])] : [names];
  return {
    feeds,
    output: value,
    statistics: new Map(statistics),
    cotangent,
    probes: groups.map((group) => probe(loss, feeds, group, random)),
  };
}

function probe(
  loss: (point: Readonly<Record<string, NdArray>>) => number,
  feeds: Readonly<Record<string, NdArray>>,
  inputs: readonly string[],
  random: RandomStream,
): Probe {
  const origin = Float64Array.from(inputs.flatMap((name) => [...feeds[name]!.data]));
  const split = (vector: Float64Array): Record<string, Float64Array> => {
    let offset = 0;
    return Object.fromEntries(
      inputs.map((name) => [name, vector.subarray(offset, (offset += feeds[name]!.data.length))]),
    );
  };
  const lossAt = (point: Float64Array): number => {
    const moved = Object.entries(split(point)).map(([name, data]) => [
      name,
      { dims: feeds[name]!.dims, data },
    ]);
    return loss({ ...feeds, ...Object.fromEntries(moved) });
  };
  const directions = Array.from({ length: directionsPerProbe }, () => random.direction(origin.length));
  return {
    inputs,
    directions: directions.map(split),
    derivatives: directions.map((direction) => directionalDerivative(lossAt, origin, direction)),
  };
}

/** Relative error of the derivatives that a gradient gives along the directions of a probe. */
export function probeError(probe: Probe, gradients: Readonly<Record<string, ArrayLike<number>>>): number {
  const derivatives = probe.directions.map((direction) =>
    probe.inputs.reduce((sum, name) => sum + inner(direction[name]!, gradients[name]!), 0),
  );
  return relativeError(derivatives, probe.derivatives, smallestDerivative);
}

function inner(direction: Float64Array, gradient: ArrayLike<number>): number {
  if (direction.length !== gradient.length) {
    throw new RangeError(`A gradient of ${gradient.length} elements for an input of ${direction.length}.`);
  }
  return direction.reduce((sum, value, index) => sum + value * gradient[index]!, 0);
}
