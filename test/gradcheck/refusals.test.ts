import test from 'ava';
import { standard } from '../../src/lowering/targets.js';
import type { GraphBuilder } from '../../src/onnx/builder.js';
import { openRuntime } from '../../src/runtime/library.js';
import { scalar } from '../reference/nd-array.js';
import { drawInputs, type GradientCase, wrt } from './case.js';
import { runGradient } from './gradient-graph.js';

const refusals: readonly [
  name: string,
  inputs: GradientCase['inputs'],
  build: (builder: GraphBuilder) => string,
  message: RegExp,
][] = [
  [
    'Compress by a computed condition',
    { x: wrt([3]) },
    (builder) => builder.op('Compress', ['x', builder.op('Greater', ['x', builder.scalar(0)])]),
    /Compress "Compress": its condition "Greater_out" is computed.*use Where instead/,
  ],
  [
    'Det',
    { x: wrt([2, 2]) },
    (builder) => builder.op('Det', ['x']),
    /Det "Det" has no gradient rule \(it would need the inverse of a matrix.*x reach/,
  ],
];

for (const [name, inputs, build, message] of refusals) {
  test(`${name} is refused by name`, async (t) => {
    const gradientCase: GradientCase = { name, inputs, build, opset: 18 };
    const feeds = drawInputs(gradientCase);
    await t.throwsAsync(runGradient(openRuntime('stock'), standard, gradientCase, feeds, scalar(1)), {
      code: 'NO_GRADIENT',
      message,
    });
  });
}
