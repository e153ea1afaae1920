import test from 'ava';
import { standard } from '../../src/lowering/targets.js';
import { emptyGraph, type GraphBuilder, valueInfo } from '../../src/onnx/builder.js';
import { scanNode } from '../../src/onnx/scan.js';
import { openRuntime } from '../../src/ort/library.js';
import { scalar } from '../reference/nd-array.js';
import { drawInputs, type GradientCase, wrt } from './case.js';
import { runGradient } from './gradient-graph.js';

/** A Scan over x that puts out what a step makes of a slice. */
function scanOf(builder: GraphBuilder, step: (body: GraphBuilder) => string, axis = 0): string {
  builder.constant('float', [2], Float32Array.of(1, 1), 'one');
  const body = builder.nested(emptyGraph('body'));
  const graph = { ...body.graph, input: [valueInfo('x_t', 'float')], output: [{ name: step(body) }] };
  const parts = { states: [], inputs: [{ name: 'x', axis, reversed: false }], finals: [] };
  const output = { name: 'all', axis: 0, reversed: false };
  builder.graph.node.push(scanNode({ name: 'scan', body: graph, ...parts, outputs: [output] }));
  return output.name;
}

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
    'Scan whose steps have statistics of their own',
    { x: wrt([2, 1, 2]) },
    (builder) =>
      scanOf(builder, (body) => body.op('BatchNormalization', ['x_t', 'one', 'one', 'one', 'one'])),
    /Scan "scan" has no gradient here: each of its steps .*BatchNormalization "BatchNormalization".*freeze/,
  ],
  [
    'Scan along another axis than the first',
    { x: wrt([2, 1, 2]) },
    (builder) => scanOf(builder, (body) => body.op('Sin', ['x_t']), 1),
    /Scan "scan" has no gradient here: it takes slices along another axis/,
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
