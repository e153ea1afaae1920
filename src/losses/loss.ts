import type { GraphBuilder } from '../onnx/builder.js';
import type { ValueInfo } from '../onnx/proto.js';

/** A loss that can be put at the end of a model. */
export interface Loss {
  readonly name: string;
  /**
   * Appends the loss of a model's output.
   * @returns the scalar loss, and the graph input (added here) that takes the targets
   */
  append(builder: GraphBuilder, output: ValueInfo): { loss: string; targets: string };
}
