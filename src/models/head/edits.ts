import type { Node, Tensor } from '../../onnx/proto.js';
import type { ClassTensor } from './layer.js';

/** What changes in a graph when its last layer has other classes. */
export interface Edits {
  /** The bias that is added behind the layer: the tensor, and the node that reads it. */
  addedBias: { readonly tensor: ClassTensor; readonly node: Node } | undefined;
  /** Values with an axis of the classes, from the end; whether that axis has merged with others. */
  readonly axes: Map<string, { readonly axis: number; readonly isMerged: boolean }>;
  /** Constants that state the number of classes, as one node reads them, in its input `index`. */
  readonly constants: { readonly node: Node; readonly index: number; readonly tensor: Tensor }[];
}
