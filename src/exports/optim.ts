/**
 * The optimizers, and all that they are built from.
 * @module flatmin/optim
 */
export { AdamW, type AdamWOptions } from '../optim/adamw.js';
export { ASAM, type ASAMOptions } from '../optim/asam.js';
export { EMA, type EMAOptions, SWA, type SWAOptions, WeightAveraging } from '../optim/averaging.js';
export { ESAM, type ESAMOptions } from '../optim/esam.js';
export { FriendlySAM, type FriendlySAMOptions } from '../optim/friendly-sam.js';
export { GSAM, type GSAMOptions } from '../optim/gsam.js';
export { LookSAM, type LookSAMOptions } from '../optim/look-sam.js';
export { type LossScaleOptions, LossScaler, type LossScaleState } from '../optim/loss-scale.js';
export {
  at,
  type BaseOptimizer,
  type Optimizer,
  type Problem,
  type Scheduled,
  type SettledReport,
  type StepReport,
  settleReport,
} from '../optim/optimizer.js';
export { RandSAM, type RandSAMOptions } from '../optim/rand-sam.js';
export { SAM, type SAMOptions } from '../optim/sam.js';
export { SGD, type SGDOptions } from '../optim/sgd.js';
export { type AppliedSteps, biasCorrection } from '../optim/toolkit/applied-steps.js';
export {
  type CommonOptions,
  commonOptions,
  commonSettings,
  decayOf,
  type ParameterPart,
} from '../optim/toolkit/common-options.js';
export {
  clipFactor,
  decayedGradientNorm,
  finiteGradientNorm,
  gradientNorm,
} from '../optim/toolkit/gradient-norm.js';
export { meanGradient, streamOf } from '../optim/toolkit/micro-batches.js';
export { isFirst, PendingState } from '../optim/toolkit/pending-state.js';
export { type AdaptiveOptions, type AscentKind, Perturbation } from '../optim/toolkit/perturbation.js';
export type { Ranks } from '../optim/toolkit/ranks.js';
export {
  type AscentOptions,
  GradientAscent,
  Perturbed,
  type PerturbedOptions,
} from '../optim/toolkit/sharpness-aware.js';
export type { Arena, Segment, Shaped } from '../vectors/arena.js';
export type { Device, Range, RunOptions } from '../vectors/device/device.js';
export type {
  GroupOptions,
  ParameterGroup,
  ParameterSpace,
  Scalars,
  Stretch,
  Vector,
} from '../vectors/parameter-space.js';
export type { BinaryOp, Expression, UnaryOp } from '../vectors/program/expression.js';
export {
  assign,
  dot,
  type Statement,
  scalar,
  sum,
  sumOfSquares,
  Term,
  vector,
} from '../vectors/program/expression.js';
export { program, type VectorProgram } from '../vectors/program/program.js';
export type { Cell, ScalarBinaryOp, ScalarExpression, ScalarUnaryOp } from '../vectors/scalar.js';
export { Scalar } from '../vectors/scalar.js';
export { StateVectors } from '../vectors/state-vectors.js';
