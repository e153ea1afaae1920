import { int64, type ModelProto } from '../onnx/proto.js';

/**
 * The axis of each weight that counts its filters or neurons, where it is not the first: MatMul and Gemm without transB hold them in
 * columns, ConvTranspose in its second axis.
 * @returns axis by name of the weight; others have axis 0
 */
export function filterAxes(model: ModelProto): (name: string) => number {
  const dims = new Map(model.graph.initializer.map((tensor) => [tensor.name, tensor.dims?.length ?? 0]));
  const axes = new Map<string, number>();
  for (const { opType, input, attribute } of model.graph.node) {
    const weight = input[1];
    const rank = weight === undefined ? undefined : dims.get(weight);
    if (weight === undefined || rank === undefined || rank < 2) continue;
    const transB = int64(attribute.find(({ name }) => name === 'transB')?.i ?? 0);
    if (opType === 'ConvTranspose') axes.set(weight, 1);
    else if (opType === 'MatMul' || (opType === 'Gemm' && transB === 0)) axes.set(weight, rank - 1);
  }
  return (name) => axes.get(name) ?? 0;
}
