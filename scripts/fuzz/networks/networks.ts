import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { outputLoss } from '../../../src/losses/custom.js';
import { writeModel } from '../../../src/onnx/model.js';
import { decodeModel } from '../../../src/onnx/proto.js';
import { gradients } from '../../../src/session/gradients.js';
import { evaluate, fromTensor } from '../../../test/reference/evaluate.js';
import { directionalDerivative } from '../../../test/reference/finite-differences.js';
import { type NdArray, ndArray } from '../../../test/reference/nd-array.js';
import type { Draw } from '../draw.js';
import { fault, type Kind, type Outcome, value } from '../kind.js';
import { type RandomNetwork, randomNetwork } from './random-network.js';
import { sizeOf } from './shapes.js';

/** What a derivative may be off by: a share of itself and of what is usual for the gradient's norm, and of the loss's rounding. */
const SHARE = 5e-3;
const ROUNDING = 1e-5;
/** Of a direction of length 1; the second and third where a kink lies between. */
const STEPS = [1e-4, 1e-6, 1e-2];

/** Compares the gradient with differences of the float64 interpreter along one direction. */
function compare(
  draw: Draw,
  { model, trained }: RandomNetwork,
  input: NdArray,
  found: ReadonlyMap<string, Float32Array>,
): Outcome {
  const { graph } = model;
  const output = graph.output[0]!.name;
  const weights = graph.initializer
    .filter(({ name }) => trained.includes(name!))
    .map((tensor) => ({ name: tensor.name!, ...fromTensor(tensor) }));
  const loss = (point: Float64Array): number => {
    const feeds: Record<string, NdArray> = { input };
    let first = 0;
    for (const { name, dims, data } of weights)
      feeds[name] = { dims, data: point.subarray(first, (first += data.length)) };
    const { data } = evaluate(graph, feeds).get(output)!;
    return data.reduce((sum, each) => sum + each, 0) / data.length;
  };
  const origin = Float64Array.from(weights.flatMap(({ data }) => [...data]));
  const direction = draw.direction(origin.length);
  const gradient = weights.flatMap(({ name, data }) => [
    ...(found.get(name) ?? new Float32Array(data.length)),
  ]);
  const derivative = gradient.reduce((sum, each, i) => sum + each * direction[i]!, 0);
  const usual = Math.hypot(...gradient) / Math.sqrt(gradient.length);
  const references = STEPS.map((step) => directionalDerivative(loss, origin, direction, step));
  if (!references.every(Number.isFinite)) return value;
  const agrees = references.some(
    (reference) =>
      Math.abs(derivative - reference) <= SHARE * Math.max(Math.abs(reference), usual) + ROUNDING,
  );
  return agrees
    ? value
    : fault(
        `The gradient along a direction is ${derivative}, but differences of the loss give ${references.join(', ')}.`,
      );
}

export const networks: Kind = {
  name: 'networks',
  about: 'random networks: a gradient, against finite differences',
  count: 60,
  async run({ draw, folder }) {
    const network = randomNetwork(draw);
    const { dims, steps, trained, model } = network;
    await writeModel(model, join(folder, 'model.onnx'));
    await writeFile(join(folder, 'steps.txt'), `${steps.join('\n')}\n`);
    const data = Float32Array.from({ length: sizeOf(dims) }, () => draw.normal());
    const given = decodeModel(await readFile(join(folder, 'model.onnx')), 'model.onnx');
    const found = await gradients(
      given,
      { input: { dims, data } },
      { loss: outputLoss(), train: trained, threads: 1 },
    );
    return compare(draw, network, ndArray(dims, data), found.gradients);
  },
};
