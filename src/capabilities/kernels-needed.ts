import { intAttribute } from '../onnx/attributes.js';
import { opKey } from '../onnx/domains.js';
import type { Node } from '../onnx/proto.js';
import { readWindow } from '../onnx/shapes/window.js';
import { type ElementType, elementTypeOf } from '../onnx/tensors/element-types.js';
import { DataType } from '../onnx/tensors/tensor.js';
import type { ValueTypes } from '../onnx/value-types.js';
import { convGrad, crossEntropyGrad } from '../releases/training-kernels.js';

/** The kernels of a table that a node of a training op needs, all of them; types are those of its inputs. */
export function kernelsNeeded(node: Node, types: ValueTypes): string[] {
  const key = opKey(node);
  const dims = (name: string | undefined) => types.get(name ?? '')?.dims ?? [];
  const [first, second, third] = node.input;
  const axes = dims(first).length - 2;
  const ofRank = (usual: number) => (axes === usual ? key : `${key}/${axes}-D`);
  switch (key) {
    case convGrad: {
      const { padsBegin, padsEnd } = readWindow(node, dims(second).slice(2), dims(third).slice(2));
      const asymmetric = padsBegin.some((pad, axis) => pad !== padsEnd[axis]);
      const groupedElsewhere = axes !== 2 && intAttribute(node, 'group', 1) > 1;
      return [
        ofRank(2),
        ...(asymmetric ? [`${key}/asymmetric`] : []),
        ...(groupedElsewhere ? [`${key}/grouped, not 2-D`] : []),
      ];
    }
    case 'AveragePoolGrad':
    case 'MaxPoolGrad':
      return [ofRank(2)];
    case crossEntropyGrad:
      return types.get(third ?? '')?.type === DataType.int32 ? [`${key}/int32`] : [key];
    default:
      return [key];
  }
}

/** The element type that a node of a training op computes in. */
export const elementTypeOfNode = (node: Node, types: ValueTypes): ElementType | undefined =>
  elementTypeOf(types.get(node.input[0] ?? '')?.type ?? 0);
