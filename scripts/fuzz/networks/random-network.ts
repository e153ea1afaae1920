import { makeModel } from '../../../src/onnx/builder.js';
import type { Graph, ModelProto } from '../../../src/onnx/proto.js';
import type { Draw } from '../draw.js';
import { elementwise } from './elementwise.js';
import { layers } from './layers.js';
import { layout } from './layout.js';
import { NetworkBuilder, type Step } from './network-builder.js';
import { reductions } from './reductions.js';
import { sizeOf } from './shapes.js';

const steps: readonly (readonly [string, Step])[] = [elementwise, layers, layout, reductions].flatMap(
  (family) => Object.entries(family),
);

/** A model of one input and one output, whose mean is the loss. */
export interface RandomNetwork {
  readonly model: ModelProto;
  readonly dims: readonly number[];
  /** Names of the initializers that are to be trained. */
  readonly trained: readonly string[];
  /** The steps, for people. */
  readonly steps: readonly string[];
}

const SHAPES = [
  [3, 4],
  [2, 6],
  [2, 3, 5],
  [2, 4, 4, 4],
  [1, 3, 5, 4],
  [2, 2, 6, 6],
];
const LARGEST = 1500;
const LARGEST_RANK = 5;

/** What the output depends on, other than by comparisons. */
function valuesBefore({ node, output }: Graph): Set<string> {
  const reached = new Set(output.map(({ name }) => name));
  for (const each of node.toReversed())
    if (each.opType !== 'Greater' && each.output.some((name) => reached.has(name)))
      for (const name of each.input) reached.add(name);
  return reached;
}

/** A network of 3 to 20 steps, each an op or a few behind a value of before. */
export function randomNetwork(draw: Draw): RandomNetwork {
  const opset = draw.pick([17, 18, 21]);
  const net = new NetworkBuilder(draw, opset);
  const dims = draw.pick(SHAPES);
  net.builder.input('input', 'float', dims);
  // All that follows has a parameter before it.
  const scale = net.weight(draw.chance(0.5) ? dims : dims.slice(-1));
  net.values.push({ name: net.op('Mul', ['input', scale]), dims });
  const told: string[] = [];
  const count = draw.integer(3, 20);
  for (let tries = 0; told.length < count && tries < 200; tries++) {
    const from = draw.chance(0.75) ? net.values.at(-1)! : draw.pick(net.values);
    if (from.dims.length === 0 || from.dims.length > LARGEST_RANK || sizeOf(from.dims) > LARGEST) continue;
    const [name, step] = draw.pick(steps);
    const made = step(net, from);
    if (!made) continue;
    net.values.push(made);
    told.push(`${made.name} [${made.dims}]: ${name} of ${from.name}`);
  }
  const last = net.values.at(-1)!;
  // A loss: the mean of the output, bounded, by weights of its own.
  const shares = net.floats(
    Array.from({ length: sizeOf(last.dims) }, () => draw.normal()),
    last.dims,
  );
  net.builder.output(net.op('Mul', [net.op('Tanh', [last.name]), shares]), 'float', last.dims);
  const model = { ...makeModel(net.builder.graph, { '': opset }), irVersion: opset > 17 ? 10 : 8 };
  const reached = valuesBefore(model.graph);
  return { model, dims, trained: net.trained.filter((name) => reached.has(name)), steps: told };
}
