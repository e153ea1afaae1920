import test from 'ava';
import { flatmin, standard } from '../../src/lowering/targets.js';
import type { GraphBuilder } from '../../src/onnx/builder.js';
import { DataType } from '../../src/onnx/tensors/tensor.js';
import { openRuntime } from '../../src/ort/library.js';
import { filled } from '../reference/nd-array.js';
import { drawInputs, fixed, type GradientCase, labels, wrt } from './case.js';
import { runGradient } from './gradient-graph.js';

const dims = [40, 50];
const truth = (builder: GraphBuilder, value: number) => builder.constant('bool', [], Uint8Array.of(value));

interface Form {
  name: string;
  inputs?: GradientCase['inputs'];
  build: (builder: GraphBuilder) => string;
  /** Share of the elements that is dropped. */
  ratio: number;
}

const forms: readonly Form[] = [
  {
    name: 'training with the ratio by default',
    build: (builder) => builder.op('Dropout', ['x', '', truth(builder, 1)], { seed: 3 }),
    ratio: 0.5,
  },
  {
    name: 'training with a constant ratio',
    build: (builder) => builder.op('Dropout', ['x', builder.scalar(0.2), truth(builder, 1)]),
    ratio: 0.2,
  },
  {
    name: 'training with the mask read too',
    build: (builder) => {
      const inputs = ['x', builder.scalar(0.2), truth(builder, 1)];
      const [y, mask] = builder.ops('Dropout', inputs, {}, { count: 2 });
      return builder.op('Where', [mask!, y!, y!]);
    },
    ratio: 0.2,
  },
  {
    name: 'training with a ratio that is fed',
    inputs: { ratio: fixed([], [0.75]) },
    build: (builder) => builder.op('Dropout', ['x', 'ratio', truth(builder, 1)]),
    ratio: 0.75,
  },
  {
    name: 'training with the ratio as a double',
    build: (builder) => builder.op('Dropout', ['x', builder.scalar(0.2, DataType.double), truth(builder, 1)]),
    ratio: 0.2,
  },
  {
    name: 'training with ratio 0',
    build: (builder) => builder.op('Dropout', ['x', builder.scalar(0), truth(builder, 1)]),
    ratio: 0,
  },
  ...[0, 1].map(
    (training): Form => ({
      name: `training_mode that is fed as ${training === 1}`,
      inputs: { training: labels([], [training]) },
      build: (builder) => {
        const mode = builder.op('Cast', ['training'], { to: DataType.bool });
        return builder.op('Dropout', ['x', builder.scalar(0.2), mode]);
      },
      ratio: training === 1 ? 0.2 : 0,
    }),
  ),
  {
    name: 'inference by training_mode',
    build: (builder) => builder.op('Dropout', ['x', builder.scalar(0.2), truth(builder, 0)]),
    ratio: 0,
  },
  {
    name: 'inference by default',
    build: (builder) => builder.op('Dropout', ['x', builder.scalar(0.2)]),
    ratio: 0,
  },
];

for (const { name, inputs, build, ratio } of forms) {
  for (const target of [standard, flatmin]) {
    test(`${target.name}: Dropout, ${name}: both passes drop the same elements`, async (t) => {
      const gradientCase: GradientCase = {
        name: 'Dropout',
        inputs: { x: wrt(dims, 'nonzero'), ...inputs },
        build,
      };
      const feeds = drawInputs(gradientCase);
      const run = await runGradient(openRuntime('stock'), target, gradientCase, feeds, filled(dims, 1));
      const gradient = run.gradients.get('x')!.data;
      const kept = run.output.data.map((y, i) => y / feeds.x!.data[i]!);
      const largest = Math.max(...gradient.map((slope, i) => Math.abs(slope - kept[i]!)));
      t.true(largest < 1e-5, `slopes differ by ${largest}`);
      const dropped = gradient.filter((slope) => slope === 0).length / gradient.length;
      // Four standard deviations of 2,000 draws.
      t.true(
        Math.abs(dropped - ratio) <= 4 * Math.sqrt((ratio * (1 - ratio)) / 2000),
        `${dropped} are dropped`,
      );
      const scale = 1 / (1 - ratio);
      t.true(gradient.every((slope) => slope === 0 || Math.abs(slope - scale) < 1e-5));
    });
  }
}
