/**
 * Optimizers of ONNX Runtime that change what a graph computes, or refuse it, seen in 1.28 (the training build) and in 1.30 unless it says otherwise:
 * each was found on random graphs that were run with and without optimization.
 */
const WRONG = [
  // Hands zeros that are padded before a MaxPool to that MaxPool, which pads with −∞.
  'Pad_Fusion',
  // Makes y/x of (1/x)·y without the axes that the 1 alone has.
  'DivMulFusion',
  // Take any scale behind a normalisation over several axes for one of LayerNormalization (1.28), and integers before a cast for its operand.
  'LayerNormFusionL1',
  'LayerNormFusionL2',
  'SimplifiedLayerNormFusion',
  // Refuses two reshapes behind each other of which the first has a computed shape (1.30).
  'ReshapeFusion',
];

/** Session configuration entries without which results would be wrong. */
export const withoutWrongOptimizers: Readonly<Record<string, string>> = {
  'optimization.disable_specified_optimizers': WRONG.join(';'),
};
