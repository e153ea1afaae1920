import type { Node } from '../onnx/proto.js';

/** Takes what is wrong with a node, so that the others can be looked at too. */
export type ReportNode = (node: Node, error: unknown) => void;

export const rethrow: ReportNode = (_, error) => {
  throw error;
};
