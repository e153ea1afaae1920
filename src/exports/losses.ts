/**
 * The losses, and what one's own is built with.
 * @module flatmin/losses
 */
export type { Compared } from '../losses/compared.js';
export { type CrossEntropyOptions, crossEntropy } from '../losses/cross-entropy.js';
export { type CtcOptions, ctc } from '../losses/ctc.js';
export { graphLoss, type LossFunction, type LossTerm, outputLoss, weightedSum } from '../losses/custom.js';
export {
  type LengthsTarget,
  type Loss,
  type LossInput,
  LossScope,
  type LossScopeOptions,
  type LossValue,
  requireFloat,
  typeLike,
} from '../losses/loss.js';
export {
  type NegativeLogLikelihoodOptions,
  negativeLogLikelihood,
} from '../losses/negative-log-likelihood.js';
export {
  type BinaryCrossEntropyOptions,
  binaryCrossEntropy,
  type HuberOptions,
  huber,
  meanAbsoluteError,
  meanSquaredError,
  type TargetOptions,
} from '../losses/regression.js';
export { GraphBuilder } from '../onnx/builder.js';
