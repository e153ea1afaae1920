import { intsAttribute, stringAttribute } from '../../../onnx/attributes.js';
import { type ResampledAxis, resamplingMatrix } from '../../../onnx/shapes/resampling.js';
import { constantTensor } from '../../../onnx/tensors/constants.js';
import { encodeFloats } from '../../../onnx/tensors/floats.js';
import { type DataTypeName, dataTypeName, elementCount, tensorData } from '../../../onnx/tensors/tensor.js';
import type { Rule, RuleContext } from '../../rule.js';
import { axesOf, reshape, sumOver } from '../tensors.js';

/** Every axis of the node's input, as it is resampled. Inputs X, roi, scales, sizes. */
function resampledAxes(c: RuleContext): ResampledAxis[] {
  const [from, to] = [c.dims(c.input(0)), c.dims(c.output())];
  const rank = from.length;
  const listed = intsAttribute(c.node, 'axes', axesOf(rank)).map((axis) => (axis < 0 ? axis + rank : axis));
  const scales = c.input(2) ? floats(c, 2) : [];
  const sizes = scales.length === 0 && c.input(3) ? c.constantInts(3) : [];
  const crops = stringAttribute(c.node, 'coordinate_transformation_mode', '') === 'tf_crop_and_resize';
  const roi = crops && c.input(1) ? floats(c, 1) : [];
  const policy = stringAttribute(c.node, 'keep_aspect_ratio_policy', 'stretch');
  const ratios = listed.map((axis, at) => (scales.length > 0 ? scales[at]! : sizes[at]! / from[axis]!));
  const common = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
  return from.map((size, axis) => {
    const at = listed.indexOf(axis);
    const kept = sizes.length > 0 && policy !== 'stretch' ? common : ratios[at];
    return {
      from: size,
      to: to[axis]!,
      scale: at < 0 ? 1 : kept!,
      roi: at < 0 || roi.length === 0 ? [0, 1] : [roi[at]!, roi[at + listed.length]!],
    };
  });
}

function floats(c: RuleContext, index: number): number[] {
  const tensor = constantTensor(c.builder.graph, c.input(index));
  return tensor ? Array.from(tensorData(tensor), Number) : [];
}

/** dX from dY = M·X an axis at a time: Mᵀ·dY, as a product with the axis in the middle or, for plain repetition, as a sum. */
const resize: Rule = (c) => {
  const axes = resampledAxes(c);
  const { type } = c.type(c.input(0));
  const dims = [...c.dims(c.output())];
  let gradient = c.dy;
  axes.forEach((resampled, axis) => {
    const matrix = resamplingMatrix(c.node, resampled);
    const { from, to } = resampled;
    if (from === to && isRepetition(matrix, from, 1)) return;
    const [outer, inner] = [elementCount(dims.slice(0, axis)), elementCount(dims.slice(axis + 1))];
    const times = to / from;
    if (Number.isInteger(times) && isRepetition(matrix, from, times)) {
      gradient = sumOver(c, reshape(c, gradient, [outer, from, times, inner]), [2], 0);
    } else {
      const transposed = new Float64Array(from * to).map(
        (_, at) => matrix[(at % to) * from + Math.floor(at / to)]!,
      );
      const name = dataTypeName(type) as DataTypeName;
      const constant = c.builder.constant(name, [from, to], encodeFloats(type, transposed));
      gradient = c.op('MatMul', [constant, reshape(c, gradient, [outer, to, inner])]);
    }
    dims[axis] = from;
  });
  return [reshape(c, gradient, dims)];
};

/** Whether each of `from` elements stands `times` times in a row. */
const isRepetition = (matrix: Float64Array, from: number, times: number): boolean =>
  matrix.every((weight, at) => weight === Number(Math.floor(at / from / times) === at % from));

export const resampling: Record<string, Rule> = { Resize: resize };
