import {
  float,
  floatAttribute,
  floatsAttribute,
  hasAttribute,
  intAttribute,
  makeAttribute,
  stringAttribute,
} from '../../../src/onnx/attributes.js';
import { microsoft } from '../../../src/onnx/domains.js';
import type { Node } from '../../../src/onnx/proto.js';
import { dot, generate, type NdArray, scalar, stridesOf } from '../nd-array.js';
import { convolution } from './conv.js';
import { elementwise } from './elementwise.js';
import { functions } from './functions.js';
import { multiplication } from './matmul.js';
import type { Op, OpTable } from './op.js';

const ops: OpTable = { ...elementwise, ...functions };

function activated(value: NdArray, node: Node, parameters: Readonly<Record<string, number>>): NdArray[] {
  const opType = stringAttribute(node, 'activation', '');
  if (opType === '') return [value];
  if (opType === 'Clip') return ops.Clip!([value, scalar(parameters.min!), scalar(parameters.max!)], node);
  const attribute = Object.entries(parameters).map(([name, number]) => makeAttribute(name, float(number)));
  return ops[opType]!([value], { ...node, opType, attribute });
}

/** activation(α·A'·B' + β·C), its parameters the attributes activation_… */
const fusedGemm: Op = (inputs, node) => {
  const [y] = multiplication.Gemm!(inputs, node);
  const names = ['alpha', 'beta', 'gamma'].filter((name) => hasAttribute(node, `activation_${name}`));
  return activated(
    y!,
    node,
    Object.fromEntries(names.map((name) => [name, floatAttribute(node, `activation_${name}`, 0)])),
  );
};

const parameterNames: Readonly<Record<string, readonly string[]>> = {
  Clip: ['min', 'max'],
  HardSigmoid: ['alpha', 'beta'],
  LeakyRelu: ['alpha'],
};

/** activation(Conv(x, w, b) + z), its parameters in a list. */
const fusedConv: Op = ([x, w, b, z], node) => {
  const [y] = convolution.Conv!([x, w, b], node);
  const [sum] = z ? elementwise.Add!([y, z], node) : [y];
  const names = parameterNames[stringAttribute(node, 'activation', '')] ?? [];
  const values = floatsAttribute(node, 'activation_params') ?? [];
  return activated(sum!, node, Object.fromEntries(names.map((name, at) => [name, values[at]!])));
};

/** The first axis behind the batch axes: [m, …, k] as […, m, k]. */
function batchFirst(array: NdArray): NdArray {
  const last = array.dims.length - 1;
  const perm = [...array.dims.map((_, axis) => axis).slice(1, last), 0, last];
  const strides = stridesOf(array.dims);
  const moved = perm.map((axis) => strides[axis]!);
  return generate(
    perm.map((axis) => array.dims[axis]!),
    (index) => array.data[dot(moved, index)]!,
  );
}

const fusedMatMul: Op = ([a, b], node) => {
  const operand = (array: NdArray, attribute: string) =>
    intAttribute(node, attribute, 0) ? batchFirst(array) : array;
  return multiplication[`${microsoft}:FusedMatMul`]!(
    [operand(a!, 'transBatchA'), operand(b!, 'transBatchB')],
    node,
  );
};

export const fusions: OpTable = {
  [`${microsoft}:FusedConv`]: fusedConv,
  [`${microsoft}:FusedGemm`]: fusedGemm,
  [`${microsoft}:FusedMatMul`]: fusedMatMul,
  [`${microsoft}:TransposeMatMul`]: multiplication[`${microsoft}:FusedMatMul`]!,
};
