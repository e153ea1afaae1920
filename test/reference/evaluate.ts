import { describeNode } from '../../src/onnx/attributes.js';
import { opKey } from '../../src/onnx/domains.js';
import { type Attribute, type Graph, int64, type Tensor } from '../../src/onnx/proto.js';
import { isScan } from '../../src/onnx/scan.js';
import { tensorData, tensorDims } from '../../src/onnx/tensors/tensor.js';
import { filled, type NdArray, ndArray, scalar } from './nd-array.js';
import { attentions } from './ops/attention.js';
import { axisNorms } from './ops/axis-norm.js';
import { convolution } from './ops/conv.js';
import { transposedConvolution } from './ops/conv-transpose.js';
import { summation } from './ops/einsum.js';
import { elementwise } from './ops/elementwise.js';
import { functions } from './ops/functions.js';
import { fusions } from './ops/fused.js';
import { indexing } from './ops/indexing.js';
import { layerNormalization } from './ops/layer-norm.js';
import { losses } from './ops/loss.js';
import { lpPooling } from './ops/lp-pool.js';
import { multiplication } from './ops/matmul.js';
import { normalization } from './ops/normalization.js';
import type { Op, OpTable } from './ops/op.js';
import { pads } from './ops/pad.js';
import { pooling } from './ops/pool.js';
import { recurrence } from './ops/recurrent.js';
import { reductions } from './ops/reduce.js';
import { resampling } from './ops/resize.js';
import { sampling } from './ops/sampling.js';
import { scans } from './ops/scan.js';
import { scanSteps } from './ops/scan-body.js';
import { shapes } from './ops/shape.js';

const table: OpTable = {
  ...elementwise,
  ...convolution,
  ...pooling,
  ...normalization,
  ...multiplication,
  ...fusions,
  ...shapes,
  ...indexing,
  ...reductions,
  ...losses,
  ...scans,
  ...pads,
  ...functions,
  ...axisNorms,
  ...attentions,
  ...transposedConvolution,
  ...summation,
  ...layerNormalization,
  ...lpPooling,
  ...recurrence,
  ...resampling,
  ...sampling,
  Dropout: ([x]) => [x!, filled(x!.dims, 1)],
  Constant: (_, node) => [constantValue(node.attribute)],
};

/** The elements of a tensor of numbers as float64. Half-precision types are not decoded. */
export const fromTensor = (tensor: Tensor): NdArray =>
  ndArray(tensorDims(tensor), Array.from(tensorData(tensor), Number));

function constantValue([attribute]: Attribute[]): NdArray {
  const { name, t, f, i, floats = [], ints = [] } = attribute!;
  switch (name) {
    case 'value':
      return fromTensor(t!);
    case 'value_float':
      return scalar(f!);
    case 'value_int':
      return scalar(int64(i));
    case 'value_floats':
      return ndArray([floats.length], floats);
    case 'value_ints':
      return ndArray(
        [ints.length],
        ints.map((value) => int64(value)),
      );
    default:
      throw new Error(`Constant with ${name} is not implemented.`);
  }
}

/**
 * Evaluates a forward graph in float64, straight from the ONNX operator specification (opset 13 to 22).
 * All elements are float64: integer division is not told from real division.
 * @returns every value of the graph by name
 * @throws Error for an operator it does not know
 */
export function evaluate(graph: Graph, feeds: Readonly<Record<string, NdArray>>): Map<string, NdArray> {
  const values = new Map<string, NdArray>(Object.entries(feeds));
  for (const tensor of graph.initializer) {
    if (!values.has(tensor.name!)) values.set(tensor.name!, fromTensor(tensor));
  }
  for (const node of graph.node) {
    const run = (body: Graph, given: Readonly<Record<string, NdArray>>) =>
      evaluate(body, { ...Object.fromEntries(values), ...given });
    const compute: Op | undefined = isScan(node)
      ? (inputs) => scanSteps(node, inputs, run)
      : table[opKey(node)];
    if (!compute) throw new Error(`The reference does not implement ${describeNode(node)}.`);
    const inputs = node.input.map((name) => {
      if (name === '') return undefined;
      const value = values.get(name);
      if (!value) throw new Error(`${describeNode(node)} reads ${name}, which has no value yet.`);
      return value;
    });
    const outputs = compute(inputs, node);
    node.output.forEach((name, index) => {
      if (name !== '') values.set(name, outputs[index]!);
    });
  }
  return values;
}
